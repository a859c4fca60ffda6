"""Time first, second, last or none: the ticks are the model's, the spikes are PyTorch's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

import neurocompile
from neurocompile.backends import synchronous
from neurocompile.capture.torch_model import TickLoop, capture, reset
from neurocompile.diagnostics import UsageError
from neurocompile.formats.reading import EXAMPLES, capture_model
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample
from neurocompile.input_sizes import InputSizes, Sizes
from neurocompile.ir.tick_count import tick_count
from neurocompile.passes.lowering.lower import lower
from tests.formats.timed_models import (
    FIRST,
    LAST,
    NONE,
    PLACES,
    SECOND,
    TICKS,
    MultiStep,
    exact,
    hand_loop,
    multi_step,
    one_tick,
)

SIZES = {FIRST: "5xNx8", SECOND: "Nx5x8", LAST: "Nx8x5", NONE: "Nx8"}
AXES = {FIRST: "axis 0 of `x`, 5xNx8 (N: samples)", SECOND: "axis 1 of `x`, Nx5x8 (N: samples)",
        LAST: "axis 2 of `x`, Nx8x5 (N: samples)"}
REST = PLACES[1:]
Make = Callable[[str], nn.Module]


def _form(text: str) -> InputSizes:
    return Sizes().parse(text)


def _request(**values: Any) -> Request:
    return Request(spec="model", **{"prove": False, **values})


def _sample(sizes: tuple[int, ...], count: int = 6) -> Sample:
    random = np.random.default_rng(3)
    return Sample(Path("s.npz"), {"x": (random.random((count, *sizes)) < 0.5).astype(np.float32)})


def _in_pytorch(model: nn.Module, sample: Sample, samples: int) -> np.ndarray:
    """What a model gives for all samples, on that axis of its input."""
    twin = copy.deepcopy(model).eval()
    reset(twin)
    with torch.no_grad():
        outputs: torch.Tensor = twin(torch.from_numpy(sample.arrays["x"]).movedim(0, samples))
    return outputs.numpy()


def _on_chip(model_capture: Capture, sample: Sample) -> np.ndarray:
    network, _ = lower(model_capture.graph)
    (outputs,) = synchronous.outputs(network, model_capture.fit(sample)).values()
    return outputs


@pytest.mark.parametrize("place", [FIRST, *(pytest.param(p, marks=pytest.mark.slow) for p in REST)])
@pytest.mark.parametrize("make", [multi_step, hand_loop])
def test_a_sample_is_enough(make: Make, place: str) -> None:
    model, form = make(place), _form(SIZES[place])
    sample = _sample(form.sizes)
    model_capture = capture_model(_request(), model, sample, "model", ())
    ticks = tick_count(model_capture.graph)
    assert ticks.number == (TICKS if place == NONE else 5)
    assert ticks.reason == AXES.get(place, "the model repeats its input" if make is multi_step else
                                    "a loop of the model")
    assert [note.code for note in model_capture.notes] == (["NC031"] if place == FIRST else [])
    expected = _in_pytorch(model, sample, form.samples or 0)
    assert np.array_equal(_on_chip(model_capture, sample), expected)
    assert 0 < expected.mean() < ticks.number


@pytest.mark.slow
@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("make", [multi_step, hand_loop])
def test_without_a_sample(make: Make, place: str, form: bool) -> None:
    """Sizes with N are taken as they are, sizes alone as a sample's."""
    stands = _form(SIZES[place])
    request = _request(input=stands if form else replace(stands, samples=None), prove=True)
    model_capture = capture_model(request, make(place), None, "model", ())
    ticks = tick_count(model_capture.graph)
    assert ticks.number == (TICKS if place == NONE else 5)
    assert ticks.inputs[0].form == stands
    assert len(model_capture.notes) == (place == FIRST and not form)


@pytest.mark.parametrize(("count", "place"), [
    (1, FIRST), pytest.param(1, SECOND, marks=pytest.mark.slow), (EXAMPLES, SECOND),
    pytest.param(EXAMPLES, FIRST, marks=pytest.mark.slow)])
def test_as_many_ticks_as_samples_of_ours(count: int, place: str) -> None:
    """Sizes say nothing there: the axes of the model's neurons do."""
    model, sample = multi_step(place), _sample((EXAMPLES, 8), count)
    model_capture = capture_model(_request(), model, sample, "model", ())
    assert tick_count(model_capture.graph).reason.startswith(f"axis {(FIRST, SECOND).index(place)} ")
    assert np.array_equal(_on_chip(model_capture, sample), _in_pytorch(model, sample, int(place == FIRST)))


def test_a_model_that_fails_on_samples_in_front() -> None:
    """A loop of 5 ticks over an axis of 4 samples."""
    sample = _sample((5, 8))
    model_capture = capture_model(_request(), hand_loop(FIRST, 5), sample, "model", ())
    assert [note.code for note in model_capture.notes] == ["NC031"]
    assert np.array_equal(_on_chip(model_capture, sample), _in_pytorch(hand_loop(), sample, 1))


def test_one_tick_a_call() -> None:
    sample = _sample((8,))
    model_capture = capture_model(_request(n_ticks=2), one_tick(), sample, "model", ())
    ticks = tick_count(model_capture.graph)
    assert (ticks.number, ticks.source) == (2, "option")
    assert np.array_equal(_on_chip(model_capture, sample), _in_pytorch(TickLoop(one_tick(), 2), sample, 0))
    alone = capture_model(_request(), one_tick(), sample, "model", ())
    assert tick_count(alone.graph).words == (
        "1 tick a sample: no axis of time in the input and no loop in the model")


def test_one_sample_of_one_tick() -> None:
    """An axis of length 1 says nothing: the sample goes in twice."""
    sample = _sample((1, 8), count=1)
    model_capture = capture_model(_request(), multi_step(), sample, "model", ())
    assert str(tick_count(model_capture.graph).inputs[0].form) == "1xNx8"
    assert np.array_equal(_on_chip(model_capture, sample), _in_pytorch(multi_step(), sample, 1))
    with pytest.raises(UsageError, match="NC030"):
        capture_model(_request(), multi_step(), _sample((8,), count=1), "model", ())


class TwoInputs(nn.Module):
    """Events [ticks, samples, 8], and an image [samples, 5] that holds for all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.events, self.image = nn.Linear(8, 6), nn.Linear(5, 6)
        self.lif = neuron.LIFNode(v_threshold=0.25, step_mode="m")

    def forward(self, events: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Sums of spikes [samples, 6]."""
        spikes: torch.Tensor = self.lif(self.events(events) + self.image(image))
        return spikes.sum(0)


def test_each_input_is_settled_alone() -> None:
    model, events = exact(TwoInputs()), _sample((5, 8)).arrays["x"]
    both = Sample(Path("s.npz"), {"events": events, "image": events[:, 0, :5].copy()})
    model_capture = capture_model(_request(), model, both, "model", ())
    assert [str(axes.form) for axes in tick_count(model_capture.graph).inputs] == ["5xNx8", "Nx5"]
    assert [note.where.module for note in model_capture.notes] == ["events"]
    reset(model)
    with torch.no_grad():
        expected = model(torch.from_numpy(both.arrays["events"]).movedim(0, 1),
                         torch.from_numpy(both.arrays["image"])).numpy()
    assert np.array_equal(_on_chip(model_capture, both), expected)


class OneAxis(MultiStep):
    """Takes [ticks * samples, 8]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sums of spikes [samples, 4]."""
        return super().forward(x.view(2, -1, 8))


def test_ticks_and_samples_on_one_axis() -> None:
    with pytest.raises(UsageError, match=r"NC030.*ticks and samples together") as error:
        capture_model(_request(input=_form("8")), exact(OneAxis(FIRST)), None, "model", ())
    assert "axis of its own" in error.value.diagnostics[0].help


class OfOneSample(MultiStep):
    """Its batch is fixed."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sums of spikes [1, 4]."""
        return super().forward(x.view(1, 5, 8))


def test_a_model_of_one_sample() -> None:
    """It takes no two."""
    model, sample = multi_step(SECOND), _sample((5, 8), count=1)
    one = OfOneSample(SECOND)
    one.load_state_dict(model.state_dict())
    model_capture = capture_model(_request(), one.eval(), sample, "model", ())
    assert str(tick_count(model_capture.graph).inputs[0].form) == "Nx5x8"
    assert np.array_equal(_on_chip(model_capture, sample), _in_pytorch(model, sample, 0))


@pytest.mark.parametrize(("text", "message"), [
    ("8", r"`x` went in as Nx8, 4 samples on axis 0, and the model takes that axis for time"),
    ("Nx5x8", r"`x` went in as Nx5x8, 4 samples on axis 0, and the model takes that axis for time"),
])
def test_samples_are_never_ticks(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        capture_model(_request(input=_form(text)), multi_step(), None, "model", ())
    (finding,) = error.value.diagnostics
    assert finding.code == "NC030"
    assert finding.help.startswith("say where the samples stand: --input 16xNx8" if text == "8" else
                                   "say where the samples stand: --input 5xNx8")


def test_samples_behind_time_against_the_model() -> None:
    request = _request(input=_form("5xNx8"))
    with pytest.raises(UsageError, match=r"NC030.*5xNx8, 4 samples on axis 1") as error:
        capture_model(request, multi_step(SECOND), None, "model", ())
    assert "--input Nx5x8" in error.value.diagnostics[0].help


@pytest.mark.parametrize("text", ["7", "5xNx7", "8xN", "2x3x4x5"])
def test_sizes_that_the_model_does_not_take(text: str) -> None:
    with pytest.raises(UsageError, match="NC102") as error:
        capture_model(_request(input=_form(text)), multi_step(), None, "model", ())
    (finding,) = error.value.diagnostics
    assert "--input" in finding.help
    assert finding.notes[0].startswith("traced on float32 of shape (")


def test_what_a_caller_passes_as_an_example_is_taken_as_it_is() -> None:
    graph = capture(multi_step(), torch.rand(5, 4, 8), prove=False)
    assert tick_count(graph).reason == AXES[FIRST]


def test_in_python() -> None:
    """`input_shape` takes what `--input` does, and sizes."""
    verdict = neurocompile.check(multi_step(), input_shape="5xNx8", legality_only=True)
    assert verdict.diagnostics == ()
    verdict = neurocompile.check(multi_step(), input_shape=(5, 8), legality_only=True)
    assert verdict.ok
    assert [one.code for one in verdict.diagnostics] == ["NC031"]
    with pytest.raises(UsageError, match=r"NC009.*N where the samples stand"):
        neurocompile.check(multi_step(), input_shape="0xN", legality_only=True)
