"""What a change would save: the network partitioned again under another assumption.

Counting only: the network keeps its structure and its integers, so other weight bits say how many
cores would do, not which spikes would come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from neurocompile.diagnostics import FindingsError
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.ir.network import Encoding, Network
from neurocompile.passes.loihi.mapping.encode import encode
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.resources import UNITS
from neurocompile.report import words
from neurocompile.report.content import Content, sentences
from neurocompile.report.model.report import Report
from neurocompile.target.loihi import LoihiTarget

MAX_CORES = 2500  # larger mappings are not partitioned again
MOST_LISTED = 1 << 24  # synapses of a projection that are listed to leave out zeros
WEIGHT_BITS = (4, 6, 8)
NO_LIMIT = 1 << 50  # of any resource
ENCODINGS = {"shared": "shared convolution lists (--encoding shared)",
             "auto": "the best lists for each projection (--encoding auto)"}
NOTE = "Counted for the same network; with other weight bits its spikes would change."


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A mapping under another assumption."""

    change: Literal["weight_bits", "encoding", "no_limit"]
    value: int | str  # the bits, the encoding, or the resource without its limit
    cores: int | None  # that it takes; null where it would not fit


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """How many cores the same network would take under other assumptions."""

    skipped: bool  # the mapping is too large to be counted again
    most: int  # cores up to which it is counted
    changes: tuple[Change, ...]


def what_if(compilation: LoihiCompilation) -> WhatIf:
    """Cores with other weight bits or encodings, and without each limit that binds somewhere.

    A mapping of more than MAX_CORES is not counted again.
    """
    if len(compilation.usage.cores) > MAX_CORES:
        return WhatIf(skipped=True, most=MAX_CORES, changes=())
    return WhatIf(skipped=False, most=MAX_CORES, changes=(
        *_bits(compilation), *_encodings(compilation), *_limits(compilation)))


def _encodings(compilation: LoihiCompilation) -> Iterator[Change]:
    """Other encodings, where they take fewer cores."""
    target, bits = compilation.target, compilation.options.bits
    trial = {_forms(compilation.network)}
    for how in ("shared", "auto"):
        network = encode(compilation.network, target, how, bits)
        synapses = max((p.operator.n_synapses for p in network.projections
                      if p.encoding == "sparse"), default=0)
        if _forms(network) not in trial and synapses <= MOST_LISTED:
            trial.add(_forms(network))
            cores = _cores(network, target, bits)
            if cores is not None and cores < len(compilation.usage.cores):
                yield Change(change="encoding", value=how, cores=cores)


def _forms(network: Network) -> tuple[Encoding, ...]:
    return tuple(projection.encoding for projection in network.projections)


def _bits(compilation: LoihiCompilation) -> Iterator[Change]:
    target, now = compilation.target, compilation.options.bits
    for bits in WEIGHT_BITS:
        if bits != now and bits <= target.synapse.weight_bits.value:
            yield Change(change="weight_bits", value=bits,
                         cores=_cores(compilation.network, target, bits))


def _limits(compilation: LoihiCompilation) -> Iterator[Change]:
    target, bits = compilation.target, compilation.options.bits
    binds = {core.binding(compilation.usage.limits) for core in compilation.usage.cores}
    for resource in (name for name in UNITS if name in binds):
        quantity = replace(getattr(target.core, resource), value=NO_LIMIT)
        without = replace(target, core=replace(target.core, **{resource: quantity}))
        yield Change(change="no_limit", value=resource,
                     cores=_cores(compilation.network, without, bits))


def _cores(network: Network, target: LoihiTarget, bits: int) -> int | None:
    try:
        return len(partition(network, target, weight_bits=bits).cores)
    except FindingsError:
        return None


def show(data: WhatIf, report: Report) -> Content:
    """How many cores each change would leave."""
    if data.skipped:
        return Content(lines=sentences(
            f"not counted again beyond {words.plural(data.most, 'core')}"))
    return Content(lines=sentences(*(_sentence(one, report) for one in data.changes)),
                   note=NOTE if data.changes else "")


def _sentence(one: Change, report: Report) -> str:
    if one.change == "weight_bits":
        what = f"{one.value}-bit weights"
    elif one.change == "encoding":
        what = ENCODINGS[str(one.value)]
    else:
        what = f"without the limit of {report.resources.resources[str(one.value)].label}"
    if one.cores is None:
        return f"{what}: would not fit"
    return f"{what}: {report.resources.totals.cores:,} -> {words.plural(one.cores, 'core')}"
