"""What cannot be built is refused with numbers, and the fix that is told works."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.network import Input, InputKind, Network
from neurocompile.passes.truenorth.audit.audit import audit
from neurocompile.passes.truenorth.delays import check_loops
from neurocompile.passes.truenorth.legalize import Legalization, legalize
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.target.truenorth import TrueNorthTarget
from tests.passes.truenorth.build import network, population
from tests.truenorth import truenorth_target


def refusal(net: Network, target: TrueNorthTarget, **options: Any) -> Diagnostic:
    with pytest.raises(FindingsError) as error:
        legalize(net, target, **options)
    finding, = error.value.diagnostics
    assert finding.message.isprintable()
    return finding


def ternary(fan_in: int) -> Network:
    weight = np.where(np.arange(2 * fan_in).reshape(2, -1) % 3 == 1, -1, 1)
    return network([population("a", 2)], [("x", "a", weight)], inputs={"x": (fan_in,)})


def test_fan_in_nc431(truenorth: TrueNorthTarget) -> None:
    many = np.where(np.arange(1200).reshape(4, -1) % 3 == 1, -1, 1)
    finding = refusal(network([population("a", 4)], [("x", "a", many)], inputs={"x": (300,)}),
                      truenorth)
    assert finding.code == "NC431"
    assert (finding.values["needed"], finding.values["fan_in"], finding.values["limit"]) == (
        300, 300, 256)
    assert "64 at 4 bit" in finding.notes[0]
    assert "128 at 2 bit" in finding.notes[0]
    legalize(ternary(256), truenorth)  # fewer inputs
    constant = network([population("a", 2, 9, -700)], [("x", "a", np.ones((2, 256)))],
                       inputs={"x": (256,)})
    assert refusal(constant, truenorth).notes[1] == "2 of the axons deliver its constant"
    wide = np.tile([7, -1, 3, -5, 5, -3, 6, -7], (2, 16))
    fewer = np.sign(wide)
    assert refusal(network([population("a", 2)], [("x", "a", wide)], inputs={"x": (128,)}),
                   truenorth).code == "NC431"
    legalize(network([population("a", 2)], [("x", "a", fewer)], inputs={"x": (128,)}), truenorth)


def test_weights_nc432(truenorth: TrueNorthTarget) -> None:
    finding = refusal(network([population("a", 1)], [("x", "a", [[1, 37, 99, 201, 300]])],
                              inputs={"x": (5,)}), truenorth)
    assert (finding.code, finding.values["high"]) == ("NC432", 300)
    eight_bits = [[1, 37, 99, 127, -128]]
    legalize(network([population("a", 1)], [("x", "a", eight_bits)], inputs={"x": (5,)}), truenorth)
    nine_bits = [[255, 37, -99, -254, 1]]
    legalize(network([population("a", 1)], [("x", "a", nine_bits)], inputs={"x": (5,)}), truenorth)


def test_potential_nc433(truenorth: TrueNorthTarget) -> None:
    def with_bias(ticks: int, memory: bool = True) -> Network:
        return network([population("a", 1, 5, -255, memory=memory)], [("x", "a", [[1, 1, 1, 1]])],
                       ticks=ticks)
    finding = refusal(with_bias(2000), truenorth)
    assert (finding.code, finding.values["needed"]) == ("NC433", 510_000)
    legalize(with_bias(1000), truenorth)
    legalize(with_bias(2000, memory=False), truenorth)
    high = network([population("a", 1, 1 << 18)], [("x", "a", [[1, 1, 1, 1]])])
    assert refusal(high, truenorth).values["needed"] == 1 << 18
    legalize(network([population("a", 1, (1 << 18) - 1)], [("x", "a", [[1, 1, 1, 1]])]), truenorth)


def test_cores_nc434(truenorth: TrueNorthTarget) -> None:
    """100 cores of one axon-bound neuron each, on a chip of 100 and of 99."""
    net = network([population("a", 100)], [("x", "a", np.eye(100).repeat(200, axis=1))],
                  inputs={"x": (20_000,)})
    small = replace(truenorth, chip=replace(truenorth.chip, cores=replace(
        truenorth.chip.cores, value=99)))
    finding = refusal(net, small)
    assert (finding.code, finding.values["needed"], finding.values["limit"]) == ("NC434", 100, 99)
    assert len(legalize(net, truenorth).network.cores) == 100
    board = truenorth_target("truenorth-4x4")
    board_of_chips = replace(small, chip=replace(board.chip, cores=small.chip.cores))
    assert len({p.chip for p in legalize(net, board_of_chips).network.places}) == 2


def test_copies_nc435(truenorth: TrueNorthTarget) -> None:
    far = network([population("a", 1), population("b", 600, 1)],
                  [("x", "a", [[1, 1, 1, 1]]), ("a", "b", np.ones((600, 1)), 1),
                   ("x", "b", np.eye(4).repeat(150, axis=0))])
    assert legalize(far, truenorth).rows  # feedback to others may pass splitters
    finding = refusal(spread(300), truenorth)
    assert (finding.code, finding.values["limit"]) == ("NC435", 256)
    legalize(spread(40), truenorth)


def spread(pieces: int) -> Network:
    """Neuron 0 reaches, by feedback, neurons that need a core each."""
    weight = np.kron(np.eye(pieces, dtype=np.int64), np.ones((1, 129), np.int64))
    back = np.zeros((pieces, pieces), np.int64)
    back[:, 0] = 1
    return network([population("a", pieces)], [("x", "a", weight), ("a", "a", back, 1)],
                   inputs={"x": (129 * pieces,)}, ticks=2)


def test_late_feedback_nc504(truenorth: TrueNorthTarget) -> None:
    def loop(delay: int) -> Network:
        return network([population("a", 3), population("b", 3)], [
            ("x", "a", np.ones((3, 4))), ("a", "b", np.eye(3)), ("b", "a", -np.eye(3), delay)])
    finding = refusal(loop(1), truenorth)
    assert finding.code == "NC504"
    assert "a -> b -> a" in finding.message or "b -> a -> b" in finding.message
    legalize(loop(2), truenorth)
    with pytest.raises(FindingsError, match="NC504"):  # before any splitter
        check_loops(loop(1))
    check_loops(loop(2))


def test_no_form_nc436(truenorth: TrueNorthTarget) -> None:
    plain = ternary(4)
    three_levels = replace(plain, inputs=(Input("x", (4,), InputKind.SPIKES, levels=3),))
    assert refusal(three_levels, truenorth).code == "NC436"
    image = replace(plain, inputs=(Input("x", (4,), InputKind.STATIC),))
    assert "sends values" in refusal(image, truenorth).message
    with_host = network([population("h", 4, on_host=True), population("a", 2)], [
        ("x", "h", np.eye(4)), ("h", "a", [[1, 1, 1, 1], [1, -1, 1, 1]])])
    legalization: Legalization = legalize(replace(with_host, inputs=image.inputs), truenorth)
    assert [p.name for p in legalization.network.populations] == ["a"]
    assert {t.name: len(t.element) > 0 for t in legalization.network.inputs} == {
        "x": False, "h": True}
    alone = network([population("h", 4, on_host=True)], [("x", "h", np.eye(4))])
    assert "on the host" in refusal(alone, truenorth).message
    of_loihi = replace(plain, populations=tuple(
        replace(p, neuron=LoihiNeuron(4095, 0, 1)) for p in plain.populations))
    assert "another chip" in refusal(of_loihi, truenorth).message


def test_a_tight_loop_takes_copies_where_splitters_are_late(truenorth: TrueNorthTarget) -> None:
    """`a` to 3,000 neurons of `b` by copies in more cores, since `b` answers two ticks later."""
    rng = np.random.default_rng(0)
    first, second = rng.choice([0, 0, 0, 0, 0, 1], (60, 60)), rng.choice([-1, 1], (3000, 60))
    back = np.zeros((60, 3000), np.int64)
    back[:, :60] = -np.eye(60)

    def net(delay: int) -> Network:
        return network([population("z", 60), population("a", 60, 4), population("b", 3000, 9)], [
            ("x", "z", np.eye(60)), ("z", "a", first), ("a", "b", second),
            ("b", "a", back, delay)], inputs={"x": (60,)})
    tight, loose = legalize(net(2), truenorth), legalize(net(3), truenorth)
    assert list(audit(net(2), tight.network, truenorth)) == []
    assert tight.rows[1].relays == 0
    assert loose.rows[1].relays > 0
    assert refusal(net(1), truenorth).code == "NC504"
