"""Runs a .net file through lava-dl's netx without torch: ARGS = net.net inputs.npz out.npz.

Started by test_net_file.py in a process of its own, in a folder that holds no other Python file
than Lava's shims.
"""

import sys
import tempfile
import types

import numpy as np


def stub(name: str, **members: object) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(members, __path__=[], __file__=EMPTY + "/stub.py")
    sys.modules[name] = module


class NoTorch:
    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "torch" or name.startswith("torch."):
            raise ModuleNotFoundError("torch is blocked", name=name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as EMPTY:
        sys.meta_path.insert(0, NoTorch)
        import lavacompat  # noqa: F401
        import lavacrash  # noqa: F401

        for name in ("lava.lib.dl.slayer", "lava.lib.dl.slayer.neuron",
                     "lava.lib.dl.netx.sequential_modules"):
            stub(name)
        stub("lava.lib.dl.slayer.neuron.rf", neuron_params=None)
        from lava.lib.dl.netx import hdf5
        from lava.magma.core.run_conditions import RunSteps
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.proc import io

        with np.load(sys.argv[2]) as file:
            arrays = dict(file)
        ticks, first = int(arrays["ticks"]), int(arrays["first"])
        net = hdf5.Network(sys.argv[1], reset_interval=ticks, reset_offset=first)
        if "bias" in arrays:
            cells = net.in_layer.neuron
            mantissas = arrays["bias"].reshape(cells.v.shape[::-1])
            cells.bias_mant.init = mantissas.transpose()
            cells.bias_exp.init = int(arrays["bias_exp"])
        else:
            shape = net.inp.shape[::-1]
            data = arrays["spikes"].reshape(-1, *shape).transpose().astype(int)
            source = io.source.RingBuffer(data=data)
            source.s_out.connect(net.inp)
        steps = int(arrays["steps"])
        sinks = []
        for layer in net.layers:
            sinks.append(io.sink.RingBuffer(shape=layer.out.shape, buffer=steps))
            layer.out.connect(sinks[-1].a_in)
        try:
            net.run(condition=RunSteps(num_steps=steps),
                    run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
            spikes = [sink.data.get().transpose().reshape(steps, -1) for sink in sinks]
            v = net.out_layer.neuron.v.get().transpose().reshape(-1)
        finally:
            net.stop()
        np.savez(sys.argv[3], *spikes, v=v)
