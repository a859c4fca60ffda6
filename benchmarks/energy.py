"""Energy and time of the MNIST example on Loihi 1: our estimate beside SANA-FE's simulation.

Run: python -m benchmarks.energy [--python PATH]
Both get the same partition and placement, one image, the network's integer weights and static
currents. SANA-FE simulates neurons in floating point with its own order of leak and input, so its
spikes differ a little. PATH is a Python in which `sanafe` is installed. What the image takes off
chip is in neither figure, static power is in ours only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.mnist_accuracy import EXAMPLES, load_trained
from neurocompile.backends import synchronous
from neurocompile.capture.torch_model import capture
from neurocompile.config import load_config
from neurocompile.families.compilation import Compilation
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.targets import load_target
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.resources import on_chip
from neurocompile.report.estimates import estimates
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, DECAY_ONE


def sana_fe_input(compilation: Compilation, images: np.ndarray) -> dict[str, Any]:
    """The network on its cores, as `energy_sanafe` reads it."""
    network, core_of = compilation.network, compilation.mapping.partition.assignment()
    places = compilation.mapping.placement.cores
    grid = compilation.target.chip.grid_width.value
    data: dict[str, Any] = {"populations": np.array([p.name for p in on_chip(network)])}
    currents = {e.target: e.mantissas({e.sources[0]: images})[0] << e.exponent for e in network.encoders}
    for population in on_chip(network):
        neuron, name = loihi_neuron(population), population.name
        bias = currents.get(name, np.zeros(population.size))
        if population.bias is not None:
            bias = bias + population.bias.value
        data |= {f"{name}.bias": np.broadcast_to(bias, (population.size,)),
                 f"{name}.core": np.array([_sanafe_core(places[k].x, places[k].y, grid)
                                           for k in core_of[name]]),
                 f"{name}.threshold": (neuron.vth << ACTIVATION_SHIFT) + 0.5,
                 f"{name}.keep": 1 - neuron.dv / DECAY_ONE}
    on_chip_projections = [p for p in network.projections if p.source in core_of]
    data["projections"] = len(on_chip_projections)
    for number, projection in enumerate(on_chip_projections):
        synapses = projection.operator.matrix().tocoo()
        data |= {f"{number}.names": np.array([projection.source, projection.target]),
                 f"{number}.source": synapses.col, f"{number}.target": synapses.row,
                 f"{number}.weight": synapses.data.astype(np.float64) * (
                     1 << projection.exponent + ACTIVATION_SHIFT)}
    return data


def _sanafe_core(x: int, y: int, grid: int) -> int:
    """SANA-FE numbers tiles of 2 x 2 cores along columns of 4 tiles."""
    tile_x, tile_y = x // 2, y // 2
    return (tile_x * (128 // grid // 2) + tile_y) * 4 + (x % 2) * 2 + y % 2


def main() -> int:
    """Print both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=sys.executable)
    args = parser.parse_args()
    entry = next(e for e in load_config(EXAMPLES / "mnist/neurocompile.toml").models
                 if e.name == "conv")
    images = np.load(EXAMPLES / "mnist/samples.npz")["x"][:1]
    graph = capture(load_trained(entry), torch.as_tensor(images))
    compilation = compile_graph(graph, load_target("loihi1"), sample={"x": images})
    ours, ticks = estimates(compilation), compilation.network.n_ticks
    run = synchronous.run(compilation.network, {"x": images})
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/network.npz", **sana_fe_input(compilation, images))
        process = subprocess.run([args.python, str(Path(__file__).with_name("energy_sanafe.py")),
                               f"{folder}/network.npz", str(ticks)],
                              check=True, capture_output=True, text=True)
    theirs = json.loads(process.stdout.splitlines()[-1])
    spikes = sum(int(run.spikes[p.name].sum()) for p in on_chip(compilation.network))
    events = theirs["spikes"]
    print(f"{'':10}{'ours, from':>12}{'to':>10}{'SANA-FE':>10}")
    rows = [("synapses", *ours["energy_pj"]["synapses"], theirs["energy"]["synapse"]),
            ("neurons", *ours["energy_pj"]["neurons"], theirs["energy"]["soma"]),
            ("mesh", *ours["energy_pj"]["mesh"], theirs["energy"]["network"])]
    for name, low, high, joule in rows:
        print(f"{name:10}{low / 1e6:12.3f}{high / 1e6:10.3f}{joule * 1e6:10.3f} uJ")
    low, high = ours["sample_ns"]
    print(f"{'time':10}{low / 1e3:12.1f}{high / 1e3:10.1f}{theirs['sim_time'] * 1e6:10.1f} us")
    print(f"{'spikes':10}{spikes:12,}{'':10}{theirs['neurons_fired']:10,}")
    print(f"{'events':10}{ours['synaptic_events']:12,.0f}{'':10}{events:10,}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
