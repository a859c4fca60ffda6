"""Options are declared once: values, command line, configuration and manifest follow."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

import neurocompile
from neurocompile.diagnostics import UsageError
from neurocompile.families.loihi import LOIHI
from neurocompile.families.table import options_of
from neurocompile.input_sizes import InputSizes, Sizes
from neurocompile.option_values import (
    Bits,
    Choice,
    Names,
    Positive,
    Several,
    SeveralBits,
    Share,
    Whole,
)
from neurocompile.options import Option, Options, declared_in

BY_NAME = {one.name: one for one in declared_in(Options)}


@pytest.mark.parametrize(("values", "right", "wrong"), [
    (Whole(1, 8), [1, 8], [0, 9, 1.0, "1", True, None, 10**30]),
    (Whole(1), [1, 10**9], [0, -1, False]),
    (Share(), [0, 0.5, 0.999], [1, -0.1, float("nan"), float("inf"), "0.5", True, None]),
    (Positive(), [0.1, 3], [0, -1, float("inf"), float("nan"), "1", True]),
    (Bits(8), [1, 8, "search", "4,a.b=8", "a=4"],
     [0, 9, True, None, 4.0, "9", "4,", "4,a", "4,a=9", "4,a=1,a=2", "a=9", "4,=2", "=4", "a", ""]),
    (Bits(8, pair=16), ["a=16", "4,a=16,b=3"], [16, "16", "a=15", "16,a=4", "search,a=16"]),
    (SeveralBits(Bits(8)), [4, "4", "4,search", [8, "4,a=2"]], [0, (), [], "", "4,,2", "a", None, [True]]),
    (Names(), ["0", "a,b", 0, [0, "a"], ()], ["", "a,,b", [""], None, [True], 1.5]),
    (Sizes(), [(3, 8), [1], "30xNx8", "n,8", InputSizes((8,), 0)],
     ["", "N", "NxN", "0", "3x", "3x-1", "1e3", (), (0,), (True,), (3.0,), 3, None, [1] * 17]),
    (Choice(("a", "b")), ["a", "b"], ["c", "", 3, None, ["a"], ("a",)]),
    (Several(("a", "b")), ["a", ["a", "b"], ()], ["c", ["a", "c"], 3, None, [3]]),
])
def test_values_are_read_or_refused(values: Any, right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        values.read(value)
    for value in wrong:
        with pytest.raises(ValueError, match=values.words[:6]):
            values.read(value)


@pytest.mark.parametrize(("values", "text", "value"), [
    (Bits(8), " 4", 4), (Bits(8), "4, a=8,b=1", "4,a=8,b=1"),
    (Names(), " a, 1 ,a", ("a", "1")),
    (Sizes(), "30xNx8", InputSizes((30, 8), 1)), (Sizes(), "3,8, 8", InputSizes((3, 8, 8))),
    (Bits(8), " a =4, b=8", "a=4,b=8"),
    (SeveralBits(Bits(8, pair=16)), "8, 4,a=16,b=2,search,4,8", (8, "4,a=16,b=2", "search", 4)),
    (SeveralBits(Bits(8)), "search,a=4,8", ("search", "a=4", 8)),
    (Whole(1, 8), "4", 4), (Whole(1, 8), " 4", 4), (Share(), "0.25", 0.25), (Positive(), "3", 3.0),
    (Choice(("a",)), "a", "a"), (Several(("a",)), "a", ("a",))])
def test_text_is_parsed(values: Any, text: str, value: object) -> None:
    assert values.parse(text) == value


@pytest.mark.parametrize(("values", "text"), [
    (Whole(1), "-1"), (Whole(1), "1e3"), (Whole(1), "9" * 5000), (Share(), "nan"),
    (Share(), "half"), (Positive(), "inf"), (Choice(("a",)), "A"), (Several(("a",)), "a,b")])
def test_wrong_text_is_refused(values: Any, text: str) -> None:
    with pytest.raises(ValueError, match=values.words[:4]):
        values.parse(text)


@pytest.mark.parametrize("keywords", [
    {"encoding": "bogus"}, {"weight_bits": 20}, {"fan_in": "bogus"}, {"allow": ["bogus"]},
    {"max_cores": 0}, {"prune_tokens": 1.0}, {"timing": None}, {"streams": 3},
    {"weight_bits": True}])
def test_a_wrong_value_is_refused_wherever_options_are_made(keywords: dict[str, Any]) -> None:
    name, = keywords
    with pytest.raises(UsageError, match="NC009") as error:
        Options(**keywords)
    assert error.value.diagnostics[0].values["option"] == BY_NAME[name].flag
    with pytest.raises(neurocompile.UsageError, match="NC009"):
        neurocompile.check("nothing.onnx", **keywords)
    with pytest.raises(neurocompile.UsageError, match="NC009"):
        neurocompile.build("nothing.onnx", "out", **keywords)


def test_options_are_made_with_keywords_only() -> None:
    make: Any = Options
    with pytest.raises(TypeError):
        make(8)
    with pytest.raises(FrozenInstanceError):
        Options().weight_bits = 4  # type: ignore[misc]
    with pytest.raises(TypeError, match="no option `weight_bit`; there are encoder, "):
        options_of(LOIHI, {"weight_bit": 4})
    with pytest.raises(TypeError, match="no option `weight_bit`"):
        neurocompile.check("nothing.onnx", weight_bit=4)


def test_every_option_takes_its_own_default_and_is_told_well() -> None:
    for one in BY_NAME.values():
        assert one.read(one.default) == one.default
        assert one.help.endswith(".")
        assert one.values.schema()


def test_what_has_no_effect_is_said_and_not_recorded() -> None:
    options = Options(fan_in="group", encoding="auto")
    for family, flag, name in (("loihi", "--fan-in", "fan_in"), ("truenorth", "--encoding", "encoding")):
        finding, = options.without_effect(family, "it")
        assert (finding.code, finding.values["option"]) == ("NC013", flag)
        assert name not in options.record(family)
    assert not list(Options().without_effect("loihi", "it"))
    assert set(Options().record("loihi")) | {"fan_in"} == set(BY_NAME)


def test_usual_bits_stand_where_nothing_is_said() -> None:
    assert Options().with_usual_bits(4).bits == 4
    assert Options(weight_bits=2).with_usual_bits(4).bits == 2
    with pytest.raises(TypeError, match="family"):
        _ = Options().bits


def test_an_option_has_one_name_in_three_spellings() -> None:
    option = Option(name="max_cores", values=Whole(1), default=None, help="Most.")
    assert (option.flag, option.key, option.repeats) == ("--max-cores", "max-cores", False)
    assert option.concerns("any")
    assert option.read(None) is None


def test_bits_of_all_and_of_single_populations() -> None:
    options = Options(weight_bits="4,lif3=8").with_usual_bits(6)
    assert (options.bits, options.bits_of) == (4, {"lif3": 8})
    pair = Options(weight_bits="lif3=16,a=b=2").with_usual_bits(6)
    assert (pair.bits, pair.bits_of) == (6, {"lif3": 16, "a=b": 2})
    search = Options(weight_bits="search").with_usual_bits(6)
    assert (search.bits, search.bits_of, search.searches_bits) == (6, {}, True)
    assert Options().with_usual_bits(6).equal_bits("a chip") == 6
    for one in (options, search):
        with pytest.raises(UsageError, match="NC009"):
            one.equal_bits("a chip")
