"""Reading `.net` files: what is refused and why, and that no damage crashes the reader."""

import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurocompile import cli
from neurocompile.diagnostics import UsageError
from neurocompile.formats.load import load_model
from neurocompile.formats.net.file import read_net
from neurocompile.formats.net.layers import Cell, ConvLayer, DenseLayer
from neurocompile.formats.request import Request
from tests.formats.net import hostile
from tests.formats.net.net_files import MAKERS, cell, conv, dense, even, frames, write


@pytest.mark.parametrize("name", hostile.CASES)
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    make, code = hostile.CASES[name]
    path = tmp_path / "x.net"
    make(path)
    before = sorted(tmp_path.iterdir())
    start = time.monotonic()
    with pytest.raises(UsageError) as error:
        load_model(Request(spec=str(path)))
    assert [d.code for d in error.value.diagnostics] == [code], str(error.value)
    assert time.monotonic() - start < 5
    assert sorted(tmp_path.iterdir()) == before


def test_the_plain_file_that_they_vary_is_read(tmp_path: Path) -> None:
    net = read_net(write(tmp_path / "x.net", hostile.plain()))
    assert (net.input.shape, net.input.cell, net.ticks) == ((4,), None, 6)
    layer = net.layers[1]
    assert isinstance(layer, DenseLayer)
    assert layer.cell == Cell(4096, 123, 80)
    assert np.array_equal(layer.weight, hostile.W)


def test_no_flipped_byte_crashes_the_reader(tmp_path: Path) -> None:
    """Read as another network or refused; never another exception."""
    data = write(tmp_path / "x.net", MAKERS["mixed"]()).read_bytes()
    rng = np.random.default_rng(0)
    codes = []
    for _ in range(250):
        noise = bytearray(data)
        for place in rng.integers(0, len(data), 6):
            noise[place] = rng.integers(0, 256)
        (tmp_path / "y.net").write_bytes(noise)
        try:
            read_net(tmp_path / "y.net")
        except UsageError as error:
            codes += [d.code for d in error.diagnostics]
    assert len(codes) > 20
    assert set(codes) <= {"NC003", "NC004", "NC118"}


@pytest.mark.parametrize("name", ["layer average", "sigma-delta neuron", "soft link"])
def test_the_command_line_says_why_and_exits_with_2(
        name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, code = hostile.CASES[name]
    make(tmp_path / "x.net")
    assert cli.run(["build", str(tmp_path / "x.net"), "-t", "loihi2", "-o",
                 str(tmp_path / "out")]) == 2
    assert code in "".join(capsys.readouterr())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("delay", "expected"), [
    (3.0, [[3, 3], [3, 3], [3, 3]]), ([1, 2, 3], [[1, 1], [2, 2], [3, 3]]),
    ([1, 2], [[1, 2], [1, 2], [1, 2]]), ([[1, 2], [3, 4], [5, 6]], [[1, 2], [3, 4], [5, 6]]),
    (0, None)])
def test_delays_of_all_shapes(delay: object, expected: object, tmp_path: Path) -> None:
    layer = read_net(write(tmp_path / "x.net", [
        frames(2), dense(np.full((3, 2), 2.0), delay=delay)])).layers[1]
    assert isinstance(layer, DenseLayer)
    assert (None if layer.delay is None else layer.delay.tolist()) == expected


def test_a_square_layer_takes_delays_by_its_outputs(tmp_path: Path) -> None:
    layer = read_net(write(tmp_path / "x.net", [
        frames(2), dense(np.full((2, 2), 2.0), delay=[4, 5])])).layers[1]
    assert isinstance(layer, DenseLayer)
    assert layer.delay is not None
    assert layer.delay.tolist() == [[4, 4], [5, 5]]


def test_shapes_as_lava_dl_writes_them(tmp_path: Path) -> None:
    """Biases per neuron come as (W, H, C), weights with a time axis or flat, shapes padded."""
    rng = np.random.default_rng(0)
    bias = np.arange(4 * 3 * 3).reshape(4, 3, 3)
    path = write(tmp_path / "x.net", [
        frames(2, 6, 5), conv(even(rng, 4, 2, 3, 3, 1), (4, 3, 3), bias=bias.transpose()),
        {**dense(even(rng, 2, 36)), "shape": (2, 1, 1), "weight": even(rng, 72)}])
    net = read_net(path)
    first, second = net.layers.values()
    assert isinstance(first, ConvLayer)
    assert isinstance(second, DenseLayer)
    assert first.bias is not None
    assert np.array_equal(first.bias, bias)
    assert first.weight.shape == (4, 2, 3, 3)
    assert (first.stride, first.padding) == ((2, 1), (1, 0))
    assert second.weight.shape == (2, 36)


def test_a_file_without_an_input_layer(tmp_path: Path) -> None:
    net = read_net(write(tmp_path / "x.net", [
        {"type": "flatten", "shape": (4,)}, dense(hostile.W, neuron=cell())]))
    assert net.input.shape == (4,)


def test_reading_leaves_the_file_closed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.net", hostile.plain())
    read_net(path)
    with h5py.File(path, "a") as file:  # fails while it is open for reading
        file["more"] = 1
