"""A spiking network for Loihi as a Lava program, written by neurocompile.

README.md beside this file says how to run it, network.json what each part was in the model.
A population computes tick t of sample s in step s * N_TICKS + t + (its first step).
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import lavacompat  # noqa: F401
import lavacrash  # noqa: F401
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIFReset
from lava.utils.weightutils import SignMode
from processes.host import BiasFeeder, SpikeRecorder, SpikeSource, StateRecorder

N_TICKS = 4  # ticks per sample
LATENCY = 1  # steps by which the deepest population lags the input


def build(weights, inputs, file):
    """Make and join all processes; return the populations, and the step of their first tick.

    `inputs` are the arrays of the inputs file `file`.
    """
    i001 = RingBuffer(data=np.ones((1, 1), int))  # spikes in every step
    n002 = SpikeSource(shape=(2,), file=file, key="spikes_n002")

    n000 = LIFReset(
        shape=(3,), du=4095, dv=0, vth=100,
        bias_mant=inputs["bias_n000"][0], bias_exp=6,
        reset_interval=N_TICKS, reset_offset=1)
    BiasFeeder(variable=n000.bias_mant, file=file, key="bias_n000",
               interval=N_TICKS, first=1)
    n001 = LIFReset(
        shape=(2,), du=4095, dv=2048, vth=64,
        bias_mant=weights["bias_n001"], bias_exp=2,
        reset_interval=N_TICKS, reset_offset=2)

    p000 = Dense(
        weights=weights["p000"].astype(np.int32), weight_exp=1, num_weight_bits=8,
        sign_mode=SignMode.MIXED, num_message_bits=0)
    n000.s_out.connect(p000.s_in)
    p000.a_out.connect(n001.a_in)

    p001 = Dense(
        weights=weights["p001"].astype(np.int32), weight_exp=0, num_weight_bits=8,
        sign_mode=SignMode.EXCITATORY, num_message_bits=0)
    i001.s_out.connect(p001.s_in)
    p001.a_out.connect(n001.a_in)

    p002 = Dense(
        weights=weights["p002"].astype(np.int32), weight_exp=0, num_weight_bits=8,
        sign_mode=SignMode.INHIBITORY, num_message_bits=0)
    n002.s_out.connect(p002.s_in)
    p002.a_out.connect(n001.a_in)

    return {
        "n000": (n000, 1),
        "n001": (n001, 2),
    }


def record(populations, output, rows, steps, state):
    """Attach a recorder to every population, and to its v where `state` is asked for."""
    for name, (population, first) in populations.items():
        ticks = max(0, min(rows, steps + 1 - first))
        what = [(name, np.uint8, population.s_out, {"first": first, "rows": ticks})]
        if state:
            what.append((f"v_{name}", np.int32, population.v, {"first": first, "rows": ticks}))
        for key, dtype, port, when in what:
            path = output / f"{key}.npy"
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
                      "fortran_order": False, "shape": (when["rows"], *population.v.shape)}
            with path.open("wb") as stream:
                np.lib.format.write_array_header_1_0(stream, header)
            where = {"file": str(path), **when}
            if port is population.v:
                StateRecorder(variable=port, **where)
            else:
                port.connect(SpikeRecorder(shape=port.shape, dtype=dtype, **where).a_in)


def read_inputs(path, samples):
    """The arrays of an inputs file, checked, and the number of samples."""
    with (HERE / "network.json").open(encoding="utf-8") as stream:
        wanted = json.load(stream)["arrays"]
    if wanted and path is None:
        raise SystemExit("net.py: --input is needed: an .npz file with " + ", ".join(wanted))
    arrays = {}
    if wanted:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in wanted if key in file.files}
    for key, shape in wanted.items():
        if key not in arrays or arrays[key].shape[1:] != tuple(shape):
            found = arrays[key].shape if key in arrays else "nothing"
            raise SystemExit(f"net.py: {path}: {key}: expected [samples, *{shape}], found {found}")
        samples = len(arrays[key])
    if len({len(array) for array in arrays.values()} | {samples}) > 1 or samples < 1:
        raise SystemExit(f"net.py: {path}: arrays must hold the same number of samples, not 0")
    return arrays, samples


def main():
    """Run the program; results are written to the output folder."""
    parser = argparse.ArgumentParser(description="runs a spiking network in Lava")
    parser.add_argument("--input", type=Path, help=".npz file with what the chip gets")
    parser.add_argument("--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--samples", type=int, default=1, help="samples, for nets without input")
    parser.add_argument("--steps", type=int, help="stop after so many steps")
    parser.add_argument("--state", action="store_true", help="record every v in every tick, too")
    options = parser.parse_args()
    file = None if options.input is None else options.input.resolve()
    inputs, samples = read_inputs(file, options.samples)
    steps = options.steps or samples * N_TICKS + LATENCY
    output = options.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    with np.load(HERE / "weights.npz", allow_pickle=False) as file_of_weights:
        weights = dict(file_of_weights)
    populations = build(weights, inputs, str(file))
    record(populations, output, samples * N_TICKS, steps, options.state)
    network = next(iter(populations.values()))[0]
    try:
        network.run(condition=RunSteps(num_steps=steps),
                    run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    finally:
        network.stop()


if __name__ == "__main__":
    main()
