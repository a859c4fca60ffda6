"""The catalog of rules is complete and consistent with what the code emits."""

import re
import string

import pytest

from neurocompile.diagnostics import Diagnostic, Location, Severity, printable
from neurocompile.rules import RULES, Rule
from tests.paths import ROOT, TESTS

SOURCES = [p for folder in ("neurocompile", "passes", "backends")
           for p in (ROOT / folder).rglob("*.py") if not p.is_symlink()]
CODES_IN_SOURCE = {code for path in SOURCES if path.parent.name != "rules"
           for code in re.findall(r'"(NC\d{3})"', path.read_text())}


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_rule_is_written_in_the_house_style(rule: Rule) -> None:
    assert re.fullmatch(r"NC\d{3}", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert rule.severity in ("error", "warning", "note")
    assert not rule.message.endswith(".")
    assert rule.why.endswith((".", ")."))
    assert rule.fix
    assert list(string.Formatter().parse(rule.message))


def test_names_are_unique() -> None:
    assert len({rule.name for rule in RULES.values()}) == len(RULES)


def test_every_rule_is_emitted_and_every_emitted_code_is_a_rule() -> None:
    assert CODES_IN_SOURCE == set(RULES)


def test_every_rule_has_a_test_and_explains_itself_by_example() -> None:
    """Rules about networks and numbers: fixtures in the tests, both examples in `explain`."""
    text = "\n".join(path.read_text() for path in (TESTS).rglob("*.py"))
    assert [code for code in RULES if code not in text] == []
    about_networks = [rule for rule in RULES.values() if rule.code[2] in "01234"]
    assert [rule.code for rule in about_networks if not (rule.illegal and rule.legal)] == []


def test_values_fill_the_message() -> None:
    finding = Diagnostic("NC405", Location("net.fc", "net.py", 3), {
        "module": "net.fc", "needed": 5000, "unit": "axons", "resource": "input axons",
        "target": "loihi1", "limit": 4096})
    assert "5,000 axons" in finding.message
    assert "4,096" in finding.message
    assert finding.level is Severity.ERROR
    assert str(finding.where) == "net.py:3  in net.fc"


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "x\u202ey", "tab\there"])
def test_hostile_names_are_escaped(name: str) -> None:
    message = Diagnostic("NC122", values={"what": name, "window": 2}).message
    assert message.isprintable()
    assert printable(name) != name


def test_sorting_puts_errors_first_and_is_stable() -> None:
    findings = [Diagnostic("NC106", Location("b"), {"module": "b"}),
                Diagnostic("NC130"), Diagnostic("NC106", Location("a"), {"module": "a"})]
    by_severity = sorted(findings, key=Diagnostic.sort_key)
    assert [(d.code, d.where.module) for d in by_severity] == [
        ("NC130", ""), ("NC106", "a"), ("NC106", "b")]
