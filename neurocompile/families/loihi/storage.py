"""How Loihi's cores store synapses, and the configuration entries that they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from neurocompile.diagnostics import printable
from neurocompile.report.content import Content, sentences
from neurocompile.report.model.report import Report
from neurocompile.report.plain import Key

if TYPE_CHECKING:  # a build is reported without what compiles
    from neurocompile.families.loihi.compilation import LoihiCompilation

MAX_NAMES = 6  # of populations with the same lists


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCount:
    """Configuration entries of one kind."""

    core: int | None  # that holds most
    most: Annotated[int, Key("used")]  # entries of that core
    limit: int  # of a core; 0: none is published
    by_core: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Synapse lists and configuration entries."""

    weight_bits: int  # of a weight, of the widest projection; more than 8 are in two synapses
    bits: Mapping[str, int]  # of those into each population
    encodings: Mapping[str, tuple[str, ...]]  # of the lists into each population
    configurations: Mapping[str, EntryCount]


def storage(compilation: LoihiCompilation) -> Storage:
    """What a compilation's cores store."""
    from neurocompile.passes.loihi.resources import configuration_limits, on_chip
    from neurocompile.passes.loihi.weight_bits import bits_into

    network = compilation.network
    bits = {p.name: bits_into(network, p.name) for p in on_chip(network)
            if any(network.into(p.name))}
    return Storage(
        weight_bits=max(bits.values(), default=0), bits=bits,
        encodings={p.name: tuple(sorted({one.encoding for one in network.into(p.name)}))
                   for p in on_chip(network)},
        configurations={kind: _entries(compilation, kind, limit) for kind, limit in
                        configuration_limits(compilation.target).items()})


def _entries(compilation: LoihiCompilation, kind: str, limit: int) -> EntryCount:
    by_core = tuple(core[kind] for core in compilation.usage.configurations)
    most = max(by_core, default=0)
    return EntryCount(core=by_core.index(most) if by_core else None, most=most, limit=limit,
                      by_core=by_core)


def show(data: Storage, report: Report) -> Content:
    """The lists by form, and the entries of the core that holds most."""
    return Content(lines=sentences(_lists(data), _configurations(data)))


def _lists(data: Storage) -> str:
    """`8-bit weights in dense lists`, or which populations have which lists."""
    by_form: dict[str, list[str]] = defaultdict(list)
    for name, encodings in data.encodings.items():
        if encodings:
            by_form[" and ".join(encodings)].append(printable(name))
    forms = [f"{form} lists" if len(by_form) == 1 else f"{form} lists of {_names(names)}"
             for form, names in sorted(by_form.items())]
    least = min(data.bits.values(), default=data.weight_bits)
    bits = f"{data.weight_bits}" if least == data.weight_bits else f"{least} to {data.weight_bits}"
    return f"{bits}-bit weights in {'; '.join(forms)}" if forms else ""


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return f"{', '.join(names[:MAX_NAMES])}{more}"


def _configurations(data: Storage) -> str:
    parts = [f"{one.most:,}{f' of {one.limit:,}' if one.limit else ''} {kind.replace('_', ' ')}"
             for kind, one in data.configurations.items()]
    unknown = ("" if all(one.limit for one in data.configurations.values())
               else "; no limit is published")
    return f"configuration entries, at most on a core: {', '.join(parts)}{unknown}"
