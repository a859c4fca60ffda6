"""The files of a project with two configured models, and the schema of its findings."""

from pathlib import Path

import neurocompile

DIAGNOSTICS = Path(neurocompile.__file__).parent / "report/schemas/diagnostics-1.json"
NET = """
import torch
from spikingjelly.activation_based import neuron
from torch import nn

class Net(nn.Module):
    def __init__(self, attention=False):
        super().__init__()
        self.attention = attention
        self.a, self.b = nn.Linear(5, 8), nn.Linear(8, 8)
        self.lif1 = neuron.LIFNode(step_mode="m")
        self.lif2 = neuron.LIFNode(step_mode="m")
        torch.manual_seed(3)
        nn.init.uniform_(self.a.weight, 0.0, 1.5)
        nn.init.uniform_(self.b.weight, 0.0, 1.0)

    def forward(self, x):
        s = self.lif1(self.a(x.unsqueeze(0).repeat(6, 1, 1)))
        y = self.b(s)
        return self.lif2(y * s if self.attention else y).mean(0)

make = Net

def illegal():
    return Net(attention=True)
"""
CONFIG = """
target = "loihi2"
[models.good]
entry = "cli_net:make"
sample = "s.npz"
[models.bad]
entry = "cli_net:illegal"
sample = "s.npz"
"""
