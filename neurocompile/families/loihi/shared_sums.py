"""Streams: how sums that several populations receive are built, and the price of both forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

from neurocompile.diagnostics import printable
from neurocompile.report import words
from neurocompile.report.content import Content, sentences
from neurocompile.report.model.report import Report
from neurocompile.report.plain import Key

if TYPE_CHECKING:  # a build is reported without what compiles
    from neurocompile.families.loihi.compilation import LoihiCompilation


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPrice:
    """What a form takes, before it is cut into cores."""

    synapses: int
    synapse_memory: int  # bits
    axons: int  # input axons
    neurons: int
    cores: int  # about: the most that memory, axons or neurons fill
    latency: int  # ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """How sums that several populations receive are built."""

    form: Annotated[str, Key("taken")]  # "duplicate" synapses, or "adder" populations
    reason: str
    adders: tuple[str, ...]  # populations that were added
    prices: Mapping[str, FormPrice]  # of both forms


def streams(compilation: LoihiCompilation) -> StreamFacts | None:
    """The choice; None where no two populations share a sum."""
    choice = compilation.streams
    return None if choice is None else StreamFacts(
        form=choice.form, reason=choice.reason, adders=tuple(choice.adders),
        prices={form: FormPrice(**asdict(price)) for form, price in choice.prices.items()})


def show(data: StreamFacts, report: Report) -> Content:
    """The choice, its reason, and both prices."""
    how = words.plural(len(data.adders), "adder") if data.adders else "duplicate synapses"
    prices = (
        f"{form}: {words.plural(p.synapses, 'synapse')} in {words.amount(p.synapse_memory, 'bit')}, "
        f"{words.plural(p.axons, 'input axon')}, {words.plural(p.neurons, 'neuron')}, about "
        f"{words.plural(p.cores, 'core')}, latency {words.plural(p.latency, 'tick')}"
        for form, p in data.prices.items())
    return Content(lines=sentences(f"sums of branches by {how}: {printable(data.reason)}", *prices))
