"""What a change would save: the network partitioned again under another assumption.

Counting only: the network keeps its structure and its integers, so other weight bits say how many
cores would do, not which spikes would come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from neurocompile.diagnostics import FindingsError
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.loihi.what_if import Change, WhatIf
from neurocompile.ir.network import Encoding, Network, whole
from neurocompile.passes.loihi.mapping.encode import encode
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.resources import UNITS
from neurocompile.passes.loihi.weight_bits import with_equal_bits
from neurocompile.target.loihi import LoihiTarget

MAX_CORES = 2500  # larger mappings are not partitioned again
MOST_LISTED = 1 << 24  # synapses of a projection that are listed to leave out zeros
WEIGHT_BITS = (4, 6, 8)
NO_LIMIT = 1 << 50  # of any resource


def count(compilation: LoihiCompilation) -> WhatIf:
    """Cores with other weight bits or encodings, and without each limit that binds somewhere.

    A mapping of more than MAX_CORES is not counted again.
    """
    if len(compilation.usage.cores) > MAX_CORES:
        return WhatIf(skipped=True, most=MAX_CORES, changes=())
    return WhatIf(skipped=False, most=MAX_CORES, changes=(
        *_bits(compilation), *_encodings(compilation), *_limits(compilation)))


def _encodings(compilation: LoihiCompilation) -> Iterator[Change]:
    """Other encodings, where they take fewer cores."""
    target = compilation.target
    trial = {_forms(compilation.network)}
    for how in ("shared", "auto"):
        network = encode(compilation.network, target, how)
        synapses = max((p.operator.n_synapses for p in network.projections
                      if p.encoding == "sparse"), default=0)
        if _forms(network) not in trial and synapses <= MOST_LISTED:
            trial.add(_forms(network))
            cores = _cores(network, target)
            if cores is not None and cores < len(compilation.usage.cores):
                yield Change(change="encoding", value=how, cores=cores)


def _forms(network: Network) -> tuple[Encoding, ...]:
    return tuple(projection.encoding for projection in network.projections)


def _bits(compilation: LoihiCompilation) -> Iterator[Change]:
    target, network = compilation.target, compilation.network
    now = {p.weight_bits for p in whole(network.projections)}
    for bits in WEIGHT_BITS:
        if now != {bits} and bits <= target.synapse.weight_bits.value:
            yield Change(change="weight_bits", value=bits,
                         cores=_cores(with_equal_bits(network, bits), target))


def _limits(compilation: LoihiCompilation) -> Iterator[Change]:
    target = compilation.target
    binds = {core.binding(compilation.usage.limits) for core in compilation.usage.cores}
    for resource in (name for name in UNITS if name in binds):
        quantity = replace(getattr(target.core, resource), value=NO_LIMIT)
        without = replace(target, core=replace(target.core, **{resource: quantity}))
        yield Change(change="no_limit", value=resource,
                     cores=_cores(compilation.network, without))


def _cores(network: Network, target: LoihiTarget) -> int | None:
    try:
        return len(partition(network, target).cores)
    except FindingsError:
        return None
