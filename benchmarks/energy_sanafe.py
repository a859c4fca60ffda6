"""Runs an exported network in SANA-FE and prints what it says, as JSON. Needs only sanafe, numpy.

Run: python benchmarks/energy_sanafe.py NETWORK.npz TICKS; written and called by `energy.py`, in a process and
perhaps an environment of its own, since SANA-FE is under the GPL.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import sanafe


def main(path: str, ticks: int) -> None:
    """Build the network on SANA-FE's Loihi, run it, print energy [J], time [s] and spikes."""
    data = np.load(path)
    cores, network, groups = sanafe.load_loihi().cores(), sanafe.Network(), {}
    for name in data["populations"].tolist():
        bias, core_of = data[f"{name}.bias"], data[f"{name}.core"]
        group = network.create_neuron_group(
            name, len(bias), model_attributes={
                "threshold": float(data[f"{name}.threshold"]), "reset": 0.0, "reset_mode": "hard",
                "leak_decay": float(data[f"{name}.keep"])},
            soma_hw_name="loihi_lif", default_synapse_hw_name="loihi_dense_synapse")
        for number, neuron in enumerate(group):
            neuron.set_attributes(model_attributes={"bias": float(bias[number])})
            neuron.map_to_core(cores[int(core_of[number])])
        groups[name] = group
    for number in range(int(data["projections"])):
        source, target, weight = (data[f"{number}.{key}"] for key in ("source", "target", "weight"))
        pair = data[f"{number}.names"].tolist()
        groups[pair[0]].connect_neurons_sparse(
            groups[pair[1]], {"weight": weight.tolist()},
            list(zip(source.tolist(), target.tolist(), strict=True)))
    chip = sanafe.SpikingChip(sanafe.load_loihi())
    chip.load(network)
    result = chip.sim(ticks, timing_model="detailed", processing_threads=1)
    print(json.dumps({key: result[key] for key in (
        "energy", "sim_time", "neurons_fired", "spikes", "packets_sent")}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
