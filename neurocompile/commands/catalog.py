"""`explain`, `rules` and `targets`: what neurocompile knows, without any model."""

from __future__ import annotations

import dataclasses
import difflib
import json
import textwrap

import click

from neurocompile.commands.terminal import common, show
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.families.targets import known_targets, load_target
from neurocompile.rules import RULES, Rule
from neurocompile.target import Target
from neurocompile.target.text import target_toml

WIDTH = 96


@click.command(short_help="Explain a rule.")
@click.argument("code")
@click.option("--format", "fmt", type=click.Choice(["term", "md", "json"]), default="term",
              help="How the page is written.")
@common
def explain(code: str, fmt: str) -> int:
    """Explain a rule: what CODE means, why it matters, what to do."""
    rule = RULES.get(code.upper()) or next((r for r in RULES.values() if r.name == code), None)
    if rule is None:
        names = [*RULES, *(r.name for r in RULES.values())]
        close = difflib.get_close_matches(code.upper(), names, n=1, cutoff=0.0)
        raise UsageError(Diagnostic("NC009", values={
            "option": "CODE", "value": f"`{code}`",
            "reason": f"there is no such rule; did you mean `{close[0]}`?"},
            hint="`neurocompile rules` lists all"))
    if fmt == "json":
        show(json.dumps(dataclasses.asdict(rule), indent=1))
    else:
        show(_markdown(rule) if fmt == "md" else _page(rule))
    return 0


def _page(rule: Rule) -> str:
    parts = [f"{rule.code} {rule.name} ({rule.severity})",
             _indent(rule.message), "why", _indent(rule.why), "what to do",
             _indent(rule.fix)]
    for title, example in (("example", rule.illegal), ("instead", rule.legal)):
        if example:
            parts += [title, textwrap.indent(example, "    ")]
    return "\n".join(parts)


def _indent(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="    ",
                         break_long_words=False, break_on_hyphens=False)


def _markdown(rule: Rule) -> str:
    lines = [f"## {rule.code} {rule.name}", "", f"*{rule.severity}*: {rule.message}", "",
             rule.why, "", f"**What to do:** {rule.fix}"]
    for title, example in (("Example", rule.illegal), ("Instead", rule.legal)):
        if example:
            lines += ["", f"{title}:", "", "```", example, "```"]
    return "\n".join(lines)


@click.command()
@click.option("--format", "fmt", type=click.Choice(["text", "md", "json"]), default="text",
              help="How the table is written.")
@common
def rules(fmt: str) -> int:
    """List all rules."""
    if fmt == "json":
        show(json.dumps([dataclasses.asdict(rule) for rule in RULES.values()], indent=1))
    elif fmt == "md":
        rows = [f"| {r.code} | {r.name} | {r.severity} | {_cell(r.message)} | {_cell(r.fix)} |"
                for r in RULES.values()]
        show("\n".join(("| code | name | severity | message | what to do |",
                        "|---|---|---|---|---|", *rows)))
    else:
        width = max(len(rule.name) for rule in RULES.values())
        show("\n".join(f"{r.code}  {r.severity:7}  {r.name:{width}}  "
                       f"{textwrap.shorten(r.message, 60, placeholder=' ...')}"
                       for r in RULES.values()))
    return 0


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


@click.command(short_help="List targets, or show one with its sources.")
@click.argument("name", required=False, metavar="[NAME|FILE]")
@click.option("--format", "fmt", type=click.Choice(["text", "toml", "json"]), default="text",
              help="How the target is written.")
@common
def targets(name: str | None, fmt: str) -> int:
    """List the targets, or show one with the source of every number; checks a FILE of yours."""
    chips = [load_target(one) for one in ([name] if name else known_targets())]
    if fmt == "json":
        data = [dataclasses.asdict(target) for target in chips]
        show(json.dumps(data[0] if name else data, indent=1))
    elif fmt == "toml" and not name:
        raise click.UsageError("--format toml shows one target: name it")
    elif fmt == "toml":
        show(target_toml(chips[0]).rstrip("\n"))
    elif name:
        show(_numbers(chips[0]))
    else:
        width = max(len(target.name) for target in chips)
        show("\n".join(f"{t.name:{width}}  {t.description}" for t in chips))
    return 0


def _numbers(target: Target) -> str:
    rows = [(key, f"{q.value:,} {q.unit}".rstrip(), q.confidence, q.source)
            for key, q in target.quantities()]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = [f"{target.name}: {target.description} ({target.path})", ""]
    lines += [f"{key:{widths[0]}}  {value:>{widths[1]}}  {confidence:{widths[2]}}  {source}"
              for key, value, confidence, source in rows]
    return "\n".join(lines)
