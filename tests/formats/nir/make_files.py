"""Writes the producers' files of this folder and what the producers compute, into golden.npz.

    python make_files.py NAME ...

writes those of MAKERS that are named. Each needs its producer, nir and nirtorch on the path: NAMEs of
today's releases nir 1.0.8, nirtorch 2.6, snntorch 1.0, spikingjelly 2.0, norse 1.1, sinabs 3.1.3 and
rockpool 3.1; `*_old` nir 1.0.4, nirtorch 2.0.2, snntorch 0.8.1, sinabs 2.0.0 and rockpool 2.9.2. The
tests need none of them.
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


def snntorch_dense(name: str, reset: str, beta: float) -> tuple[torch.Tensor, Record]:
    """What all releases write; a beta above 1 is clamped when it is used, not when it is written."""
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    options: dict[str, Any] = {"init_hidden": True, "reset_mechanism": reset}
    net = louder(nn.Sequential(
        nn.Linear(12, 16), snn.Leaky(beta=full(beta, 16), threshold=full(1.0, 16), **options),
        nn.Linear(16, 6), snn.Synaptic(alpha=full(0.6, 6), beta=full(0.9, 6),
                                       threshold=full(2.0, 6), **options)), 3.0, 0.1)
    x = spikes(12)
    write(name, export_to_nir(net, x[0, :1], ignore_dims=[0]))
    outputs = record({"1": net[1], "3": net[3]}, first)
    for module in net:
        if isinstance(module, snn.SpikingNeuron):
            module.reset_mem()
    for now in x:
        net(now)
    return x, outputs


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


def spikingjelly_parametric() -> tuple[torch.Tensor, Record]:
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    net = louder(nn.Sequential(
        layer.Linear(12, 16), neuron.ParametricLIFNode(init_tau=2.7, v_threshold=0.5),
        layer.Linear(16, 8), neuron.ParametricLIFNode(init_tau=5.3, decay_input=False),
        layer.Linear(8, 6), neuron.LIFNode(tau=2.7, v_threshold=0.4)), 6.0, 0.1)
    functional.set_step_mode(net, "s")
    x = spikes(12)
    write("spikingjelly_parametric", export_to_nir(net, x[0]))
    functional.reset_net(net)
    outputs = record({f"_{name}": net[int(name)] for name in "135"}, first)
    for now in x:
        net(now)
    return x, outputs


def norse_cells(name: str, scale: float) -> tuple[torch.Tensor, Record]:
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
    write(name, to_nir(net, x[0, 0], dt=scale))
    outputs = record({"1": net[1], "3": net[3], "5": net[5]}, first)
    state = None
    for now in x:
        _, state = net(now, state)
    return x, outputs


def sinabs_layers(name: str, **functions: Any) -> tuple[torch.Tensor, Record]:
    """A LIF, an IAF and an ExpLeak; without functions as they are by default."""
    import sinabs.layers as sl
    from sinabs.nir import to_nir

    options: dict[str, Any] = {"batch_size": BATCH, **functions}
    net = louder(nn.Sequential(
        nn.Linear(12, 16), sl.LIFSqueeze(
            tau_mem=full(8.0, 16), spike_threshold=full(0.5, 16), **options),
        nn.Linear(16, 6), sl.IAFSqueeze(spike_threshold=full(1.0, 6), **options),
        nn.Linear(6, 3), sl.ExpLeakSqueeze(tau_mem=full(5.0, 3), batch_size=BATCH)), 4.0 if functions else 9.0, 0.1)
    x = spikes(12)
    flat = x.movedim(0, 1).reshape(-1, 12)
    write(name, to_nir(net, flat))
    for module in net.modules():
        if isinstance(module, sl.StatefulLayer):
            module.reset_states()
    outputs = record({"1": net[1], "3": net[3], "5": net[5]}, first)
    net(flat)
    return x, {name: list(outs[0].reshape(BATCH, TICKS, -1).movedim(1, 0))
               for name, outs in outputs.items()}


def sinabs_single(name: str) -> tuple[torch.Tensor, Record]:
    from sinabs.activation import MembraneReset, SingleSpike

    resets = {"reset_fn": MembraneReset()} if name == "sinabs_hard" else {}
    return sinabs_layers(name, spike_fn=SingleSpike, **resets)


def rockpool(name: str, **options: Any) -> tuple[torch.Tensor, Record]:
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules import LIFTorch, LinearTorch
    from rockpool.nn.modules.torch.nir import to_nir

    net = Sequential(
        LinearTorch((12, 16), has_bias=True),
        LIFTorch(16, tau_mem=0.008, tau_syn=0.004, threshold=full(0.8, 16), **options),
        LinearTorch((16, 6), has_bias=False),
        LIFTorch(6, tau_mem=0.02, tau_syn=0.006, **options))
    louder(net, 3.0 if options else 1.5)
    x = spikes(12)
    write(name, to_nir(net))
    net.reset_state()
    layers = {"1_LIFTorch": net[1], "3_LIFTorch": net[3]}
    outputs = record(layers, first)
    net(x.movedim(0, 1))
    return x, {name: list(outs[0].movedim(1, 0)) for name, outs in outputs.items()}


MAKERS: dict[str, Callable[[str], tuple[torch.Tensor, Record]]] = {
    "snntorch_subtract": lambda name: snntorch_feed_forward("subtract"),
    "snntorch_zero": lambda name: snntorch_feed_forward("zero"),
    "snntorch_recurrent": lambda name: snntorch_recurrent(),
    "snntorch_none": lambda name: snntorch_dense(name, "none", 1.25),
    "snntorch_old": lambda name: snntorch_dense(name, "subtract", 0.8),
    "spikingjelly": lambda name: spikingjelly(),
    "spikingjelly_parametric": lambda name: spikingjelly_parametric(),
    "norse": lambda name: norse_cells(name, 1e-3),
    "norse_unscaled": lambda name: norse_cells(name, 1.0),  # as norse's master writes
    "sinabs": sinabs_single,
    "sinabs_hard": sinabs_single,
    "sinabs_multi": sinabs_layers,
    "sinabs_old": sinabs_layers,
    "rockpool": lambda name: rockpool(name, max_spikes_per_dt=1),
    "rockpool_multi": rockpool,
    "rockpool_old": rockpool,
}


def main(names: list[str]) -> None:
    golden = HERE / "golden.npz"
    arrays: dict[str, Any] = dict(np.load(golden)) if golden.exists() else {}
    for name in names:
        torch.manual_seed(7)
        with torch.no_grad():
            x, outputs = MAKERS[name](name)
        arrays = {key: array for key, array in arrays.items() if not key.startswith(f"{name}/")}
        arrays[f"{name}/x"] = x.numpy().astype(np.uint8)
        for neuron, ticks in outputs.items():
            train = torch.stack(ticks).numpy()
            sys.stdout.write(f"{name} {neuron}: {train.shape}, rate {train.mean():.3f}, "
                             f"at most {train.max():g}\n")
            whole = train.astype(np.uint8)
            arrays[f"{name}/{neuron}"] = whole if np.array_equal(whole, train) else train
    np.savez_compressed(golden, **dict(sorted(arrays.items())))


if __name__ == "__main__":
    main(sys.argv[1:] or list(MAKERS))
