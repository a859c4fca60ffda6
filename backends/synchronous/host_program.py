"""Runs host programs in onnxruntime, on what populations send."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurocompile.ir.axis_arrays import by_sample, in_layout
from neurocompile.ir.host_program import Feed, HostProgram
from neurocompile.ir.operators import Array


def program_output(program: HostProgram, messages: Mapping[str, Array]) -> Array:
    """The output [samples, *shape], or [samples, ticks, *shape] where each tick has its own.

    `messages`: what populations and inputs send [samples, ticks, sources], by name; one tick of
    what is the same in all.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1  # sums are added up in one order
    options.log_severity_level = 3
    session = ort.InferenceSession(program.model, options, providers=["CPUExecutionProvider"])
    n_samples = len(messages[program.feeds[0].source])
    parts = []
    for start in range(0, n_samples, program.batch):
        rows = np.minimum(np.arange(start, start + program.batch), n_samples - 1)
        (result,) = session.run([program.name], {
            feed.value: _feed(feed, messages[feed.source][rows]) for feed in program.feeds})
        parts.append(by_sample(np.asarray(result), program.layout)[:n_samples - start])
    values = np.concatenate(parts)
    return values.reshape(n_samples, *(values.shape[1:2] if program.each_tick else ()), *program.shape)


def _feed(feed: Feed, messages: Array) -> Array:
    own = messages if feed.tick is None else messages[:, feed.tick:feed.tick + 1]
    return in_layout(own, feed.layout).astype(feed.dtype)
