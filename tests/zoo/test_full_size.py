"""Networks on Lava and full-size STMixer: the reference against the executable specification.

The specification is plain Python and slow, so it computes sampled neurons of every population from
the spikes that the reference's sources sent: what differs anywhere shows at its first neuron.
"""

from __future__ import annotations

import resource
import time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from examples.zoo import stmixer
from neurocompile.backends import synchronous
from neurocompile.builds.builder import first_inputs
from neurocompile.capture.torch_model import capture
from neurocompile.families.compilation import Compilation
from neurocompile.ir.network import InputKind, Network, Population
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.semantics.loihi import State, add, step
from tests.loihi import compile_for_loihi, loihi_target
from tests.zoo import on_lava

NEURON_TICKS = 10_000  # of every population


def sampled_differences(network: Network, inputs: dict[str, np.ndarray], rng: np.random.Generator
                        ) -> dict[str, tuple[int, int, int]]:
    """By population: neuron-ticks computed, spikes (or messages) in them, differences."""
    run = synchronous.run(network, inputs, record_state=True)
    n_samples = len(next(iter(inputs.values())))
    biases = {p.name: _bias(p, network, inputs, n_samples) for p in network.populations}
    counts = {}
    for population in network.populations:
        events = run.spikes[population.name]
        count = min(population.size, -(-NEURON_TICKS // (n_samples * network.n_ticks)))
        neurons = np.sort(rng.choice(population.size, count, replace=False))
        sums = _sums(network, population, neurons, inputs, run.spikes, n_samples)
        differences = 0
        for s, n in np.ndindex(n_samples, count):
            state = State()
            for t in range(network.n_ticks):
                if population.graded:
                    spike: int = add(state, int(sums[s, t, n]))
                else:
                    spike = step(loihi_neuron(population), state, int(sums[s, t, n]),
                                 int(biases[population.name][s, t, neurons[n]]))
                differences += (spike != events[s, t, neurons[n]]
                                or state.v != run.v[population.name][s, t, neurons[n]])
        counts[population.name] = (n_samples * count * network.n_ticks,
                                  int(np.count_nonzero(events[:, :, neurons])), differences)
    return counts


def _bias(population: Population, network: Network, inputs: dict[str, np.ndarray],
          n_samples: int) -> NDArray[np.int64]:
    """[samples, ticks, neurons] what is added to v: the bias, and an encoder's current."""
    shape = (n_samples, network.n_ticks, population.size)
    total = np.zeros(shape, np.int64)
    if population.bias is not None:
        total = total + population.bias.value
    for encoder in network.encoders:
        if encoder.target == population.name:
            rows = encoder.mantissas(network.encoder_rows(encoder, inputs))
            total = total + (rows.astype(np.int64) << encoder.exponent).reshape(
                n_samples, -1, population.size)
    return total


def _sums(network: Network, population: Population, neurons: NDArray[np.int64],
          inputs: dict[str, np.ndarray], spikes: dict[str, np.ndarray], n_samples: int
          ) -> NDArray[np.int64]:
    """[samples, ticks, neurons] what synapses deliver, from explicit rows of integer weights."""
    total = np.zeros((n_samples, network.n_ticks, len(neurons)), np.int64)
    items = {i.name: i for i in network.inputs}
    for projection in network.into(population.name):
        item = items.get(projection.source)
        if item is None:
            events = spikes[projection.source].astype(np.int64)
        elif item.kind is InputKind.ONE:
            events = np.ones((n_samples, network.n_ticks, 1), np.int64)
        else:
            events = item.trains(inputs[item.name], network.n_ticks)
        late = np.zeros_like(events)
        late[:, projection.delay:] = events[:, :network.n_ticks - projection.delay]
        rows = projection.operator.rows(neurons).astype(np.int64)
        flat = late.reshape(-1, late.shape[-1])
        total += (rows @ flat.T).T.reshape(total.shape) << projection.exponent
    return total


def check(compilation: Compilation) -> None:
    """Every population computes at least 10,000 neuron-ticks, is active, and differs nowhere."""
    network = compilation.network
    smallest = min(p.size for p in network.populations)
    count = max(5, -(-NEURON_TICKS // (smallest * network.n_ticks)))
    inputs = first_inputs(compilation.floating, None, count)
    samples = sampled_differences(network, inputs, np.random.default_rng(0))
    assert list(samples) == [p.name for p in network.populations]
    for name, (ticks, active, differences) in samples.items():
        assert ticks >= NEURON_TICKS, name
        assert active > 0, name
        assert differences == 0, name


@pytest.mark.slow
@pytest.mark.parametrize("name", on_lava.CASES)
def test_networks_on_lava_equal_the_specification(name: str) -> None:
    compilation, _ = on_lava.compilation(on_lava.CASES[name])
    check(compilation)


@pytest.mark.slow
@pytest.mark.parametrize("ticks", [1, 4])
def test_stmixer_4_384_16_equals_the_specification(ticks: int) -> None:
    """As published for CIFAR: 32 x 32 pixels, 31 populations; compiled in 3 minutes and 6 GB."""
    torch.manual_seed(0)
    model = stmixer.cifar100(4, 384, 16, T=ticks)
    for module in model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(module.weight, 1.0, 3.0)
            torch.nn.init.uniform_(module.bias, -0.25, 1.25)
            module.running_var.fill_(0.05)
    start = time.process_time()
    compilation = compile_for_loihi(
        capture(model.eval(), torch.rand(1, 3, 32, 32)), loihi_target("loihi2-hala-point"))
    assert time.process_time() - start < 180
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 6e6  # kB
    assert sum(p.operator.n_synapses for p in compilation.network.projections) > 7e8
    check(compilation)
