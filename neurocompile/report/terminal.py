"""The resource report on a terminal: at most 100 columns, plain ASCII without color."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from neurocompile.diagnostics import printable
from neurocompile.report import words

if TYPE_CHECKING:  # rich takes 60 ms to import
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Data = Mapping[str, Any]
PLAIN_BOX = "    \n    \n -- \n" + "    \n" * 5  # as rich wants it: a rule below the titles
MAX_CORES = 40  # rows of the table of cores
WIDTH, LEAST, ROOMY = 100, 80, 96  # columns: at most, at least, and where bars have room
BAR = 8  # characters


def render(resources: Data, fidelity: Data, color: bool = False, width: int = WIDTH) -> str:
    """The report as text of 80 to 100 columns, without a line break at the end.

    With color it also uses box-drawing characters; without, everything is ASCII.
    """
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=max(LEAST, min(width, WIDTH)), force_terminal=color,
                      no_color=not color, color_system="standard" if color else None,
                      markup=False, highlight=False, emoji=False, legacy_windows=False,
                      _environ={})
    _write(console, resources, fidelity, color)
    text = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
    return text if color else text.encode("ascii", "backslashreplace").decode("ascii")


def _write(console: Console, resources: Data, fidelity: Data, color: bool) -> None:
    console.print(_text(words.verdict(resources), "bold green"))
    console.print(_text(words.size(resources)))
    console.print()
    for table in (_populations(resources, fidelity, color, console.width),
                  *_crossbars(resources, color), _resources(resources, color),
                  _cores(resources, color)):
        console.print(table)
        console.print()
    rest = len(resources["cores"]) - MAX_CORES
    if rest > 0:
        console.print(_text(f"... {rest:,} more; --format csv has all", "dim"))
        console.print()
    if pruned := words.pruning(resources):
        _sentences(console, "pruning", pruned)
    _sentences(console, "binding", [*words.proof(resources), *words.binding(resources),
                                    *words.configurations(resources)])
    if crossbars := words.crossbars(resources):
        _sentences(console, "crossbars", crossbars)
    if "streams" in resources:
        _sentences(console, "streams", words.streams(resources))
    if changes := words.what_if(resources):
        _sentences(console, "what if", changes)
    if energy := words.estimates(resources):
        _sentences(console, "energy, time", energy)
    _sentences(console, "traffic", words.traffic(resources))
    _sentences(console, "readout", words.readouts(resources))
    _sentences(console, "fidelity", words.fidelity(fidelity))
    _sentences(console, "verification", [words.verification(fidelity)], _mood(fidelity))
    unproved = words.unproved(fidelity)
    if unproved:
        _sentences(console, "", [unproved], "yellow")


def _mood(fidelity: Data) -> str:
    status: str = fidelity["verification"]["status"]
    return {"verified": "green", "differs": "bold red"}.get(status, "yellow")


def _sentences(console: Console, title: str, lines: list[str], style: str = "") -> None:
    grid = _grid()
    for k, line in enumerate(lines):
        grid.add_row(_text(title if k == 0 else "", "bold"), _text(line, style))
    console.print(grid)


def _grid() -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=12)
    grid.add_column()
    return grid


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(printable(text), style)


def _table(color: bool, title: str, **columns: str) -> Table:
    """An empty table; `columns` maps titles (with `_` for spaces) to left, right or fixed."""
    from rich.box import Box
    from rich.table import Table

    table = Table(box=Box(PLAIN_BOX.replace("-", "─" if color else "-"), ascii=not color),
                  padding=0, pad_edge=False, show_edge=False, header_style="bold", title=title,
                  title_justify="left", title_style="bold")
    for name, kind in columns.items():
        table.add_column(_text(name.replace("_", " ")), no_wrap=kind != "left", overflow="fold",
                         justify="right" if kind == "right" else "left")
    return table


def _bar(share: float, color: bool, label: str = "", cells: int = BAR) -> Text:
    """A bar, a percentage and a word; marked where the limit is near."""
    from rich.text import Text

    filled = min(cells, int(share * cells + 0.5))
    on, off = ("█", "░") if color else ("#", ".")
    bar = on * filled + off * (cells - filled) + " " * bool(cells)
    style = "yellow" if share >= words.BINDS else "green"
    return Text.assemble((bar, style), f"{100 * share:3.0f} %{label and ' ' + label}")


def _populations(resources: Data, fidelity: Data, color: bool, width: int) -> Table:
    roomy = width >= ROOMY
    table = _table(color, "populations", name="left", model="left", neurons="right",
                   synapses="right", **({"bits": "right"} if roomy else {}), cores="right",
                   bound="right", fullest_core="fixed", rate="right", agrees="right")
    table.columns[0].min_width = min(12, max(
        (len(p["name"]) for p in resources["populations"]), default=0))
    agreement = {p["name"]: p["agreement"] for p in fidelity["quantization"]["populations"]}
    for p in resources["populations"]:
        worst = p["worst"]
        bar = (_bar(worst["utilization"], color, words.SHORT[worst["resource"]],
                    BAR if roomy else 0) if worst else _text("on the host", "dim"))
        cells = [p["name"], p["model"], f"{p['neurons']:,}", f"{p['synapses']:,}",
                 *([str(p["weight_bits"] or "-")] if roomy else []),
                 f"{p['cores']:,}" if worst else "-", f"{p['lower_bound']:,}" if worst else "-"]
        table.add_row(*map(_text, cells), bar, _text(_rate(p["rate"])),
                      _text(words.percent(agreement.get(p["name"]))))
    return table


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.4f}"


def _crossbars(resources: Data, color: bool) -> Iterator[Table]:
    """What each population takes of TrueNorth's crossbars; nothing for other chips."""
    if not words.crossbars(resources):
        return
    table = _table(color, "crossbars", name="left", fan_in="right", axons_each="right",
                   axons="right", copies="right", relays="right", splitters="right",
                   latency="right", exactness="left")
    for p in resources["populations"]:
        if not p["on_host"]:
            cells = [f"{p[key]:,}" for key in ("fan_in", "axons_per_input", "axons", "copies",
                                               "relays", "splitter_cores", "depth")]
            table.add_row(*map(_text, (p["name"], *cells, p["exactness"])))
    yield table


def _resources(resources: Data, color: bool) -> Table:
    table = _table(color, "resources", name="left", fullest_core="right", used="right",
                   limit="right", share="fixed", mean="right", limit_is="left")
    for name, worst in resources["totals"]["worst"].items():
        limit = resources["limits"]["core"][name]
        unit = limit["unit"]
        table.add_row(_text(words.LABELS[name]), _text(str(worst["core"])),
                      _text(words.amount(worst["used"], unit)),
                      _text(words.amount(worst["limit"], unit)), _bar(worst["utilization"], color),
                      _text(words.percent(resources["totals"]["mean"][name])),
                      _text(limit["confidence"]))
    return table


def _cores(resources: Data, color: bool) -> Table:
    """Shares per core; a star marks the resource that is nearest to its limit."""
    table = _table(color, "cores (*: nearest to its limit)", core="right", chip="right", at="right",
                   **{words.SHORT[name].replace(" ", "_"): "right"
                      for name in resources["totals"]["worst"]}, holds="left")
    for core in resources["cores"][:MAX_CORES]:
        binds = core["binding"]
        shares = [_text(f"{'*' if name == binds else ''}{100 * of['utilization']:.0f} %",
                        "bold" if name == binds else "")
                  for name, of in core["resources"].items()]
        held = " ".join(f"{printable(s['population'])}{words.box(s)}" for s in core["slices"]) or (
            core.get("role", ""))
        table.add_row(_text(str(core["core"])), _text(str(core["chip"])),
                      _text(f"{core['x']},{core['y']}"), *shares, _text(held))
    return table
