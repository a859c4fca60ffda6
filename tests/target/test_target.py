"""Target files: shipped ones load, broken ones are named key by key."""

from pathlib import Path

import pytest

from neurocompile.diagnostics import UsageError
from neurocompile.target import CONFIDENCE, known_targets, load_target, parse_target
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
    costs = parse_target(loihi1, "t.toml").costs
    assert costs is not None
    assert costs.synapse_energy_min.value == 23_600
    assert parse_target(loihi1.split("[costs]")[0], "t.toml").costs is None
    with pytest.raises(UsageError) as error:
        parse_target(loihi1.replace("hop_energy_max = ", "hop_energy = "), "t.toml")
    assert error.value.diagnostics[0].values["key"] == "costs.hop_energy"


def test_accountings_are_tables_by_source() -> None:
    loihi1 = (TARGETS / "loihi1.toml").read_text()
    target = parse_target(loihi1, "t.toml")
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
