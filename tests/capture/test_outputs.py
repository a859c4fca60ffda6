"""What a model takes and returns beside tensors that are used is told."""

import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.capture.torch_model import capture
from neurocompile.commands.export import _left_out


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lif = neuron.IFNode(step_mode="m")

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, object]:
        return {"spikes": self.lif(x).sum(0), "aux": None, "ticks": len(x)}


def test_unused_inputs_and_results_that_are_no_tensors_are_named() -> None:
    graph = capture(Net(), (torch.ones(4, 2, 3), torch.ones(2)))
    assert list(_left_out(graph)) == [
        "input `y` is not used by the model",
        "result['aux'] is None, no tensor: left out",
        "result['ticks'] is 4, no tensor: left out"]
