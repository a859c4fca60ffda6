"""Ranges of analog inputs: as said, else as measured; and what lies beyond them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.ir.network import ANALOG, Input, Network
from neurocompile.ir.operators import Array

_RECORD = "range."  # in front of an input's name
Range = tuple[str, float, float]  # the name of an input, or nothing for all; low and high


def with_ranges(network: Network, ranges: Sequence[Range],
                arrays: Mapping[str, Array] | None) -> Network:
    """The network with the ranges of its analog inputs: as said, of the data, else as they are.

    Raises UsageError (NC009) for a name that no analog input has.
    """
    names = [item.name for item in network.inputs if item.kind in ANALOG]
    for name, low, high in ranges:
        if name and name not in names:
            raise UsageError(Diagnostic("NC009", values={
                "option": "--input-range", "value": f"`{name}={low:g}:{high:g}`",
                "reason": f"the model's analog inputs are {', '.join(names) or 'none'}"}))
    return replace(network, inputs=tuple(
        _with_range(item, ranges, arrays) if item.name in names else item for item in network.inputs))


def _with_range(item: Input, ranges: Sequence[Range], arrays: Mapping[str, Array] | None) -> Input:
    for name, low, high in ranges:
        if name in ("", item.name):
            return replace(item, low=low, high=high)
    data = None if arrays is None else arrays.get(item.name)
    if data is None or not np.size(data):
        return item
    return replace(item, low=float(np.min(data)), high=float(np.max(data)))


def range_record(network: Network) -> dict[str, Array]:
    """The ranges of a network's analog inputs, for `recorded_ranges`."""
    return {f"{_RECORD}{item.name}": np.array([item.low, item.high])
            for item in network.inputs if item.kind in ANALOG}


def recorded_ranges(record: Mapping[str, Array]) -> tuple[Range, ...]:
    """The ranges that a record of arrays holds. Raises UsageError (NC003) where they are none."""
    try:
        return tuple((key.removeprefix(_RECORD), float(ends[0]), float(ends[1]))
                     for key, ends in record.items() if key.startswith(_RECORD))
    except (TypeError, ValueError, IndexError) as error:
        raise UsageError(Diagnostic("NC003", values={
            "file": "rounding.npz", "kind": "the ranges of inputs", "reason": str(error)},
            hint="build it again")) from None


def clipped_inputs(network: Network, arrays: Mapping[str, Array]) -> Iterator[Diagnostic]:
    """NC706 for inputs of an integer network whose values are clipped, and may change a spike.

    Of an input that the host encodes, currents are counted.
    """
    feeds = network.feeds(arrays)
    sources = {p.source for p in network.projections}
    for item in network.inputs:
        if item.kind in ANALOG and item.name in sources and item.name in feeds:
            x = np.rint(np.asarray(feeds[item.name], np.float64) * item.scale)
            yield from _finding(item.name, int(np.count_nonzero((x < 0) | (x > item.levels))), x.size)
    for encoder in network.encoders:
        if all(source in feeds for source in encoder.sources):
            rows = network.encoder_rows(encoder, feeds)
            total = len(next(iter(rows.values()))) * len(encoder.offset)
            yield from _finding(", ".join(encoder.sources), encoder.clip_count(rows), total)


def _finding(name: str, count: int, total: int) -> Iterator[Diagnostic]:
    if count:
        yield Diagnostic("NC706", Location(name), {"input": name, "count": count, "total": total})
