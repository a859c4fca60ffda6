"""What spares the exporter work changes nothing: the same model, name by name."""

from __future__ import annotations

import contextlib
import gc

import pytest
import torch

from neurocompile.capture import conversion, torch_model
from neurocompile.capture.conversion import collection_deferred
from tests.capture import hand_nets, nets


def _nets() -> dict[str, tuple[torch.nn.Module, torch.Tensor]]:
    return {
        "several ticks": (nets.lively(nets.MultiStep()), nets.image(2, 2, 8, 8)),
        "loop": (nets.lively(nets.LeakyLoop()), nets.image(2, 10)),
        "written by hand": (hand_nets.Deep(), nets.image(2, 8)),
    }


@pytest.mark.parametrize("name", _nets())
def test_the_model_is_that_of_the_whole_exporter(name: str,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    model, example = _nets()[name]
    quick = torch_model.capture(model, example, prove=False).to_bytes()
    monkeypatch.setattr(conversion._CoreProgram, "of", lambda program: program)
    monkeypatch.setattr(conversion, "_rewrites_by_operator", contextlib.nullcontext)
    assert torch_model.capture(model, example, prove=False).to_bytes() == quick


def test_garbage_is_collected_again_afterwards() -> None:
    with collection_deferred():
        assert not gc.isenabled()
        with collection_deferred():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
