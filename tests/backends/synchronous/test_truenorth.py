"""The reference on TrueNorth's populations against their definition, spike for spike and state."""


import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends.synchronous import run
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import TrueNorthNeurons
from tests.backends.synchronous.both_paths import assert_paths_agree

TICKS, SAMPLES = 6, 3
KINDS = [(Reset.HARD, True), (Reset.SOFT, True), (Reset.HARD, False)]


def make(seed: int, kinds: list[tuple[Reset, bool]], feedback: bool) -> tuple[Network, np.ndarray]:
    rng = np.random.default_rng(seed)

    def population(name: str, shape: tuple[int, ...], kind: tuple[Reset, bool]) -> Population:
        size = int(np.prod(shape))
        neurons = TrueNorthNeurons(rng.integers(1, 30, size), *kind)
        return Population(name, shape, neurons, Bias(rng.integers(-4, 6, size)))
    projections = [
        Projection("x", "a", Conv((2, 4, 4), (3, 4, 4), rng.integers(-8, 8, (3, 2, 3, 3)),
                                  padding=(1, 1))),
        Projection("a", "b", Dense((3, 4, 4), (6,), rng.integers(-8, 8, (6, 48)))),
        Projection("x", "b", Dense((2, 4, 4), (6,), rng.integers(-1, 2, (6, 32))))]
    if feedback:
        projections.append(Projection("b", "a", Dense((6,), (3, 4, 4), rng.integers(
            -8, 8, (48, 6))), delay=1))
    network = Network((Input("x", (2, 4, 4), InputKind.SPIKES),),
                      (population("b", (6,), kinds[0]), population("a", (3, 4, 4), kinds[1])),
                      tuple(projections), (), TICKS)
    return network, (rng.random((SAMPLES, TICKS, 2, 4, 4)) < 0.3).astype(np.float32)


def definition(network: Network, x: np.ndarray
               ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Spikes and v by the text of `TrueNorthNeurons`, one neuron and tick at a time."""
    spikes = {p.name: np.zeros((SAMPLES, TICKS, p.size), int) for p in network.populations}
    spikes["x"] = x.reshape(SAMPLES, TICKS, -1).astype(int)
    states = {p.name: np.zeros((SAMPLES, TICKS + 1, p.size), int) for p in network.populations}
    for sample, tick in np.ndindex(SAMPLES, TICKS):
        for population in network.order():
            neurons, name = population.neuron, population.name
            assert isinstance(neurons, TrueNorthNeurons)
            assert population.bias is not None
            for n in range(population.size):
                a = sum(int(p.operator.matrix().toarray()[n] @ spikes[p.source][sample, tick - p.delay])
                        for p in network.into(name) if tick >= p.delay)
                v = (int(states[name][sample, tick, n]) if neurons.memory else 0) + a + int(
                    population.bias.value[n])
                if v >= neurons.threshold[n]:
                    spikes[name][sample, tick, n] = 1
                    v = 0 if neurons.reset is Reset.HARD else v - int(neurons.threshold[n])
                states[name][sample, tick + 1, n] = v if neurons.memory else 0
    return spikes, {name: v[:, 1:] for name, v in states.items()}


cases = st.builds(make, st.integers(0, 10_000),
                  st.lists(st.sampled_from(KINDS), min_size=2, max_size=2), st.booleans())


@settings(max_examples=8, deadline=None)
@given(cases)
def test_reference_equals_the_definition(case: tuple[Network, np.ndarray]) -> None:
    network, x = case
    spikes, v = definition(network, x)
    result = run(network, {"x": x}, record_state=True)
    assert result.spikes["a"].any()
    for name in ("a", "b"):
        assert np.array_equal(spikes[name], result.spikes[name]), name
        assert np.array_equal(v[name], result.v[name]), name


@settings(max_examples=15, deadline=None)
@given(cases)
def test_torch_and_compiled_neurons_agree(case: tuple[Network, np.ndarray]) -> None:
    assert_paths_agree(*case)
