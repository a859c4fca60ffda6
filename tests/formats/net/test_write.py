"""A network that is written as `.net` is the one that is read."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile.formats.net.file import read_net
from neurocompile.formats.net.layers import Cell, ConvLayer, DenseLayer, InputLayer, NetFile
from neurocompile.formats.net.write import net_bytes

RNG = np.random.default_rng(5)
CELL = Cell(i_decay=4096, v_decay=100, threshold=80)


def _weight(*shape: int) -> Any:
    return RNG.integers(-99, 99, shape)


CONV = ConvLayer(shape=(4, 3, 2), weight=_weight(4, 1, 3, 2), stride=(2, 1), padding=(1, 0),
                 dilation=(1, 2), groups=2, bias=_weight(4, 3, 2), cell=CELL)
IMAGE = NetFile(
    InputLayer((2, 6, 4), replace(CELL, threshold=70), weight=31, bias=-4),
    {1: CONV,
     3: DenseLayer(weight=_weight(5, 24), cell=CELL, bias=_weight(5), recurrent=_weight(5, 5)),
     4: DenseLayer(weight=_weight(6, 5), cell=CELL, delay=RNG.integers(1, 60, (6, 5))),
     5: DenseLayer(weight=_weight(3, 6), cell=None)}, 9)
SPIKES = NetFile(InputLayer((2, 6, 4), None),
                 {1: replace(CONV, bias=None),
                  2: DenseLayer(weight=_weight(5, 24), cell=CELL)}, None)


def _same(a: object, b: object) -> None:
    """Equal, arrays included."""
    assert type(a) is type(b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, dict) and isinstance(b, dict):
        assert list(a) == list(b)
        for key, value in a.items():
            _same(value, b[key])
    elif isinstance(a, NetFile | InputLayer | ConvLayer | DenseLayer):
        for one in fields(a):
            _same(getattr(a, one.name), getattr(b, one.name))
    else:
        assert a == b


@pytest.mark.parametrize("net", [IMAGE, SPIKES])
def test_it_comes_back(net: NetFile, tmp_path: Path) -> None:
    (tmp_path / "x.net").write_bytes(net_bytes(net))
    _same(read_net(tmp_path / "x.net"), net)


def test_a_broadcast_bias_is_written_in_full(tmp_path: Path) -> None:
    per_channel = _weight(4, 1, 1)
    net = replace(SPIKES, layers={1: replace(CONV, bias=per_channel)})
    (tmp_path / "x.net").write_bytes(net_bytes(net))
    bias = read_net(tmp_path / "x.net").layers[1].bias
    assert bias is not None
    np.testing.assert_array_equal(bias, np.broadcast_to(per_channel, (4, 3, 2)))


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    assert net_bytes(IMAGE) == net_bytes(IMAGE) != net_bytes(SPIKES)
