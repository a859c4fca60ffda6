"""The reference's two paths of integer neurons: compiled loops, and torch on other devices."""

import numpy as np
import pytest

from neurocompile.backends.synchronous import run
from neurocompile.ir.network import Network
from neurocompile.semantics.vectorized import IntegerBatch


def assert_paths_agree(network: Network, x: np.ndarray) -> None:
    """Both give the same spikes and potentials, here on the CPU."""
    loops = run(network, {"x": x}, record_state=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(IntegerBatch, "advance")
        tensors = run(network, {"x": x}, record_state=True)
    for name, spikes in loops.spikes.items():
        assert np.array_equal(spikes, tensors.spikes[name])
        assert np.array_equal(loops.v[name], tensors.v[name])
