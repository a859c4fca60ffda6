"""Target files: shipped ones load, broken ones are named key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from neurocompile.diagnostics import UsageError
from neurocompile.families.targets import known_targets, load_target, parse_target
from neurocompile.target import Quantity, Target, load
from neurocompile.target.base import MAX_CORES, Range, ranges, sections
from neurocompile.target.load import CONFIDENCE
from neurocompile.target.loihi import LoihiTarget
from neurocompile.target.text import target_toml
from tests.paths import TARGETS

LOIHI2 = (TARGETS / "loihi2.toml").read_text()


@pytest.mark.parametrize("name", known_targets())
def test_shipped_targets_state_their_sources(name: str) -> None:
    target = load_target(name)
    assert target.name == name
    for key, quantity in target.quantities():
        assert len(quantity.source) > 5, key
        assert quantity.confidence in CONFIDENCE


def test_own_target_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(LOIHI2.replace('name = "loihi2"', 'name = "mine"'))
    assert load_target(str(path)).name == "mine"


def test_own_target_extends_a_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = """schema = 1
extends = "loihi2-hala-point"
name = "mine"
[synapse]
max_delay = { value = 5, unit = "ticks", source = "measured by us", confidence = "assumed" }
"""
    path.write_text(text)
    mine, base = load_target(str(path)), load_target("loihi2-hala-point")
    assert isinstance(mine, LoihiTarget)
    assert isinstance(base, LoihiTarget)
    assert (mine.name, mine.family, mine.chip) == ("mine", "loihi2", base.chip)
    assert mine.synapse.max_delay.value == 5
    assert mine.synapse.weight_bits == base.synapse.weight_bits
    for old, new, key in (("loihi2-hala-point", "loihi9", "extends"),
                          ("max_delay", "max_dely", "synapse.max_dely")):
        with pytest.raises(UsageError) as error:
            parse_target(text.replace(old, new), "t.toml")
        assert error.value.diagnostics[0].values["key"] == key


@pytest.mark.parametrize("name", ["loihi3", "nowhere.toml"])
def test_unknown_target_suggests_a_known_one(name: str) -> None:
    with pytest.raises(UsageError) as error:
        load_target(name)
    finding, = error.value.diagnostics
    assert finding.code == "NC001"
    assert finding.values["close"] in known_targets()


@pytest.mark.parametrize(("old", "new", "key"), [
    ("schema = 1", "schema = 2", "schema"),
    ('name = "loihi2"', "name = 3", "name"),
    ("[neuron]", "[neurons]", "neurons"),
    ("state_bits", "state_bit", "neuron.state_bit"),
    ("max_delay = { value = 62", 'max_delay = { value = "62"', "synapse.max_delay.value"),
    ('unit = "ticks", ', "", "synapse.max_delay"),
    ('confidence = "assumed"', 'confidence = "sure"', "chip.grid_width.confidence"),
    ("schema = 1", "schema = = 1", "(file)"),
])
def test_broken_target_names_the_key(old: str, new: str, key: str) -> None:
    assert old in LOIHI2
    with pytest.raises(UsageError) as error:
        parse_target(LOIHI2.replace(old, new, 1), "t.toml")
    finding, = error.value.diagnostics
    assert (finding.code, finding.values["key"]) == ("NC002", key)


def test_costs_are_stated_whole_or_not_at_all() -> None:
    loihi1 = (TARGETS / "loihi1.toml").read_text()
    target = parse_target(loihi1, "t.toml")
    without = parse_target(loihi1.split("[costs]")[0], "t.toml")
    assert isinstance(target, LoihiTarget)
    assert isinstance(without, LoihiTarget)
    assert target.costs is not None
    assert target.costs.synapse_energy_min.value == 23_600
    assert without.costs is None
    with pytest.raises(UsageError) as error:
        parse_target(loihi1.replace("hop_energy_max = ", "hop_energy = "), "t.toml")
    assert error.value.diagnostics[0].values["key"] == "costs.hop_energy"


def test_accountings_are_tables_by_source() -> None:
    loihi1 = (TARGETS / "loihi1.toml").read_text()
    target = parse_target(loihi1, "t.toml")
    assert isinstance(target, LoihiTarget)
    assert set(target.accounting) == {"nengo-loihi", "nxtf"}
    assert parse_target(target_toml(target), "t.toml") == target
    assert "accounting.nxtf.block_spare" in dict(target.quantities())
    before, _, rest = loihi1.partition("[accounting.nengo-loihi]")
    without = before + "[neuron]" + rest.partition("[neuron]")[2]
    for text, key in ((without, "accounting"),
                      ("accounting = 3\n" + without, "accounting"),
                      (without + "[accounting]\nmine = 3\n", "accounting.mine"),
                      (without + "[accounting.'a b']\n", "accounting.a b"),
                      (loihi1.replace("block_spare", "block_spar", 1),
                       "accounting.nengo-loihi.block_spar")):
        with pytest.raises(UsageError) as error:
            parse_target(text, "t.toml")
        assert error.value.diagnostics[0].values["key"] == key


def test_missing_key_is_named() -> None:
    text = "\n".join(line for line in LOIHI2.splitlines() if not line.startswith("decay_bits"))
    with pytest.raises(UsageError) as error:
        parse_target(text, "t.toml")
    assert error.value.diagnostics[0].values["key"] == "neuron.decay_bits"


@dataclass(frozen=True)
class Tile:
    wires: Annotated[Quantity, Range(2, 8, "pins of a tile")]
    offset: Quantity  # of any size


@dataclass(frozen=True, kw_only=True)
class ToyTarget(Target):
    """What a stranger's family declares."""

    tile: Tile
    extra: Tile | None = None
    tiles: Mapping[str, Tile]

    def relations(self) -> Iterator[tuple[str, Range]]:
        yield from Target.relations(self)
        yield "tile.offset", Range(0, self.tile.wires.value)


def _toy(**values: int) -> str:
    tables = {"chip": ("cores", "grid_width", "chips", "board_width"),
              **dict.fromkeys(("tile", "tiles.a", "tiles.b-2"), ("wires", "offset"))}
    lines = ["schema = 1", 'name = "toy"', 'family = "toy"', 'description = "a toy"']
    for table, names in tables.items():
        lines.append(f"[{table}]")
        lines += [f'{name} = {{ value = {values.get(f"{table}_{name}", 2)}, unit = "u", '
                  'source = "ours", confidence = "assumed" }' for name in names]
    return "\n".join(lines)


def test_a_family_of_a_stranger_declares_its_tables() -> None:
    toys = {"toy": ToyTarget}
    target = load.parse_target(_toy(tile_offset=1), "toy.toml", toys)
    assert isinstance(target, ToyTarget)
    assert (target.tile.offset.value, target.extra, set(target.tiles)) == (1, None, {"a", "b-2"})
    assert load.parse_target(target_toml(target), "toy.toml", toys) == target
    assert [key for key, _ in target.quantities()][3:] == [
        "chip.board_width", "tile.wires", "tile.offset", "tiles.a.wires", "tiles.a.offset",
        "tiles.b-2.wires", "tiles.b-2.offset"]
    assert [(one.name, one.optional, one.by_source) for one in sections(ToyTarget)] == [
        ("chip", False, False), ("tile", False, False), ("extra", True, False),
        ("tiles", False, True)]
    for values, message in (
            ({"tile_wires": 9}, "`tile.wires` is 9; allowed: 2 to 8 u (pins of a tile)"),
            ({"tile_offset": 3}, "`tile.offset` is 3; allowed: 0 to 2 u"),
            ({"chip_chips": 1 << 16, "chip_cores": 1 << 16},
             "`chip.chips` is 65,536; allowed: 1 to 16 u (1,048,576 cores in all)"),
            ({"chip_grid_width": 3},
             "`chip.grid_width` is 3; allowed: 1 to 2 u (`chip.cores` is 2)")):
        with pytest.raises(UsageError) as error:
            load.parse_target(_toy(**values), "toy.toml", toys)
        assert error.value.diagnostics[0].message == f"`toy.toml`: {message}"
    assert MAX_CORES == 1 << 20


def test_only_the_families_of_the_caller_are_read() -> None:
    with pytest.raises(UsageError) as error:
        parse_target(_toy(), "toy.toml")
    assert error.value.diagnostics[0].message == (
        "`toy.toml`: expected one of loihi1, loihi2, truenorth at `family`")
    with pytest.raises(UsageError):
        load.load_target("loihi1", {"toy": ToyTarget})


def test_tables_of_other_types_are_refused() -> None:
    @dataclass(frozen=True)
    class Counts:
        cores: int

    with pytest.raises(TypeError, match="cores"):
        ranges(Counts)

    @dataclass(frozen=True, kw_only=True)
    class CountTarget(Target):
        cores: int

    with pytest.raises(TypeError, match="cores"):
        sections(CountTarget)
