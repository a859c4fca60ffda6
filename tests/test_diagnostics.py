"""Findings as values: their order, what is worse, two places in words."""

from __future__ import annotations

import pytest

from neurocompile.diagnostics import Call, Diagnostic, Location, contrast, natural

A, B = Location("a", "net.py", 3), Location("b", "net.py", 3)
FAR = Location("a", "net.py", 9)


@pytest.mark.parametrize(("names", "here", "there", "words"), [
    (("Mul", "Add"), A, FAR, "`Mul` at net.py:3  in a against `Add` at net.py:9  in a"),
    (("Mul", "Add"), A, A, "`Mul` in a against `Add` in a at net.py:3"),
    (("Mul", "Mul"), A, B, "`Mul` in a against `Mul` in b at net.py:3"),
    (("Mul", "Mul"), A, A, "`Mul` in a at net.py:3 with other operands"),
    (("Mul", "Mul"), Location("", "net.py", 3, (Call("net.py", 7), Call("net.py", 20))),
     Location("", "net.py", 3, (Call("net.py", 7), Call("net.py", 21))),
     "`Mul` at net.py:3 called from net.py:20 against that called from net.py:21"),
    (("Mul", "Add"), Location(), Location(), "`Mul` against `Add`"),
])
def test_two_places_in_words(names: tuple[str, str], here: Location, there: Location, words: str
                             ) -> None:
    text = contrast(names[0], here, names[1], there)
    assert text == words
    assert text.count("net.py:3") <= 1


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["b.2", "b.10", "b.02", "a", "b", "b." + "9" * 5000, "b.x"]
    assert sorted(names, key=natural) == ["a", "b", "b.2", "b.02", "b.10", names[5], "b.x"]


def test_errors_first_then_by_line_then_by_module() -> None:
    op = {"op": "Mul"}
    in_order = [
        Diagnostic("NC126", Location("z", "a.py", 2), op),
        Diagnostic("NC120", Location("b.2", "a.py", 10), op),
        Diagnostic("NC120", Location("b.10", "a.py", 10), op),
        Diagnostic("NC121", Location("b.1", "a.py", 10, (Call("n.py", 1),)), op),
        Diagnostic("NC121", Location("b.1", "a.py", 10, (Call("n.py", 2),)), op),
        Diagnostic("NC120", Location("a", "b.py", 1), op),
        Diagnostic("NC130"),
        Diagnostic("NC106", Location("a", "a.py", 1), {"module": "a"})]
    shuffle = in_order[3:] + in_order[:3]
    assert sorted(shuffle, key=Diagnostic.sort_key) == in_order


def test_what_says_how_bad_a_finding_is() -> None:
    core = Diagnostic("NC401", values={"core": 7, "needed": 900, "limit": 500, "target": "t"})
    assert core.measures == {"needed": 900}
    words = Diagnostic("NC207", values={"source": "s", "value": "many", "count": 2, "limit": 1,
                                        "neurons": True, "synapses": 3.5, "target": "t"})
    assert words.measures == {"count": 2, "synapses": 3.5}
    assert Diagnostic("NC130").measures == {}
