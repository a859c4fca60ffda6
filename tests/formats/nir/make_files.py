"""Writes the producers' files of this folder and what the producers compute, into golden.npz.

Needs nir 1.0.8, nirtorch 2.6, snntorch 1.0, spikingjelly 2.0, norse 1.1 and sinabs 3.1.3; the tests
do not. Run it in this folder: `python make_files.py`.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import nir
import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent
TICKS, BATCH = 24, 3
Record = dict[str, list[torch.Tensor]]


def spikes(*shape: int) -> torch.Tensor:
    return (torch.rand(TICKS, BATCH, *shape) < 0.4).float()


def write(name: str, graph: Any) -> None:
    """HDF5 has many zeros, so the files are stored gzipped."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.nir"
        nir.write(path, graph)
        (HERE / f"{name}.nir.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))


Model = TypeVar("Model", bound=nn.Module)


def louder(net: Model, gain: float, shift: float = 0.0) -> Model:
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name.endswith("weight"):
                p.mul_(gain).add_(shift)
    return net.eval()


def full(value: float, *shape: int) -> torch.Tensor:
    return torch.full(shape, value)


def record(modules: dict[str, nn.Module], pick: Callable[[Any], torch.Tensor]) -> Record:
    outputs: Record = {name: [] for name in modules}
    for name, module in modules.items():
        def note(_: Any, __: Any, out: Any, name: str = name) -> None:
            outputs[name].append(pick(out).detach())
        module.register_forward_hook(note)
    return outputs


def first(out: Any) -> torch.Tensor:
    return out[0] if isinstance(out, tuple) else out


def snntorch_feed_forward(reset: str) -> tuple[torch.Tensor, Record]:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    options: dict[str, Any] = {"init_hidden": True, "reset_mechanism": reset}
    net = louder(nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, stride=2),
        snn.Leaky(beta=full(0.83, 4, 4, 4), threshold=full(0.5, 4, 4, 4), **options),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 20),
        snn.Synaptic(alpha=full(0.7, 20), beta=full(0.9, 20), threshold=full(1.2, 20), **options),
        nn.Linear(20, 5, bias=False),
        snn.Leaky(beta=full(0.4, 5), threshold=full(1.0, 5), **options)), 3.0, 0.05)
    x = spikes(2, 8, 8)
    write(f"snntorch_{reset}", export_to_nir(net, x[0, :1], ignore_dims=[0]))
    for module in net:
        if isinstance(module, snn.SpikingNeuron):
            module.reset_mem()
    outputs = record({"1": net[1], "5": net[5], "7": net[7]}, first)
    for now in x:
        net(now)
    return x, outputs


def snntorch_recurrent() -> tuple[torch.Tensor, Record]:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(12, 10)
            self.rec = snn.RLeaky(beta=0.8, threshold=1.0, linear_features=10, init_hidden=True,
                                  reset_mechanism="zero")
            self.out = nn.Linear(10, 4)
            self.last = snn.Leaky(beta=full(0.9, 4), threshold=full(1.0, 4), init_hidden=True,
                                  reset_mechanism="zero")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.out(self.rec(self.fc(x))))
    net = louder(Net(), 3.0, 0.1)
    x = spikes(12)
    write("snntorch_recurrent", export_to_nir(net, x[0, :1], ignore_dims=[0]))
    net.rec.reset_mem()
    net.last.reset_mem()
    outputs = record({"rec.lif": net.rec, "last": net.last}, first)
    for now in x:
        net(now)
    return x, outputs


def spikingjelly() -> tuple[torch.Tensor, Record]:
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    net = louder(nn.Sequential(
        layer.Conv2d(2, 3, 3, stride=2, bias=False), neuron.IFNode(v_threshold=0.7, v_reset=-0.1),
        layer.Flatten(), layer.Linear(27, 14), neuron.LIFNode(tau=3.0, v_threshold=0.5),
        layer.Linear(14, 10), neuron.LIFNode(tau=1.7, decay_input=False, v_threshold=0.9),
        layer.Linear(10, 6),
        neuron.CUBALIFNode(c_decay=0.3, v_decay=0.6, v_threshold=1.1)), 6.0, 0.1)
    functional.set_step_mode(net, "s")
    x = spikes(2, 8, 8)
    write("spikingjelly", export_to_nir(net, x[0], dt=1e-3))
    functional.reset_net(net)
    outputs = record({f"_{name}": net[int(name)] for name in "1468"}, first)
    for now in x:
        net(now)
    return x, outputs


def norse_cells() -> tuple[torch.Tensor, Record]:
    import norse.torch as norse
    from norse.torch.utils.export_nir import to_nir

    def box(tau: float, n: int) -> nn.Module:
        return norse.LIFBoxCell(p=norse.LIFBoxParameters(
            tau_mem_inv=full(1 / tau, n), v_th=full(0.3, n), v_leak=full(0.0, n)))
    net = norse.SequentialState(
        nn.Linear(12, 16), box(0.004, 16), nn.Linear(16, 10),
        norse.LIFCell(p=norse.LIFParameters(
            tau_mem_inv=full(1 / 0.005, 10), tau_syn_inv=full(1 / 0.0025, 10),
            v_th=full(0.4, 10), v_leak=full(0.0, 10))),
        nn.Linear(10, 6), norse.IAFCell(p=norse.IAFParameters(v_th=full(1.0, 6))))
    louder(net, 4.0, 0.1)
    x = spikes(12)
    write("norse", to_nir(net, x[0, 0]))
    outputs = record({"1": net[1], "3": net[3], "5": net[5]}, first)
    state = None
    for now in x:
        _, state = net(now, state)
    return x, outputs


def sinabs_single() -> tuple[torch.Tensor, Record]:
    import sinabs.layers as sl
    from sinabs.activation import SingleSpike
    from sinabs.nir import to_nir

    options: dict[str, Any] = {"spike_fn": SingleSpike, "batch_size": BATCH}
    net = louder(nn.Sequential(
        nn.Linear(12, 16), sl.LIFSqueeze(
            tau_mem=full(8.0, 16), spike_threshold=full(0.5, 16), **options),
        nn.Linear(16, 6), sl.IAFSqueeze(spike_threshold=full(1.0, 6), **options)), 4.0, 0.1)
    x = spikes(12)
    flat = x.movedim(0, 1).reshape(-1, 12)
    write("sinabs", to_nir(net, flat))
    for module in net.modules():
        if isinstance(module, sl.StatefulLayer):
            module.reset_states()
    outputs = record({"1": net[1], "3": net[3]}, lambda out: out)
    net(flat)
    return x, {name: list(outs[0].reshape(BATCH, TICKS, -1).movedim(1, 0))
               for name, outs in outputs.items()}


MAKERS: dict[str, Callable[[], tuple[torch.Tensor, Record]]] = {
    "snntorch_subtract": lambda: snntorch_feed_forward("subtract"),
    "snntorch_zero": lambda: snntorch_feed_forward("zero"),
    "snntorch_recurrent": snntorch_recurrent,
    "spikingjelly": spikingjelly,
    "norse": norse_cells,
    "sinabs": sinabs_single,
}


def main() -> None:
    arrays: dict[str, Any] = {}
    for name, make in MAKERS.items():
        torch.manual_seed(7)
        with torch.no_grad():
            x, outputs = make()
        arrays[f"{name}/x"] = x.numpy().astype(np.uint8)
        for neuron, ticks in outputs.items():
            train = torch.stack(ticks).numpy()
            sys.stdout.write(f"{name} {neuron}: {train.shape}, rate {train.mean():.3f}\n")
            arrays[f"{name}/{neuron}"] = train.astype(np.uint8)
    np.savez_compressed(HERE / "golden.npz", **arrays)


if __name__ == "__main__":
    main()
