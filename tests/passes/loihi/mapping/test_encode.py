"""Encodings: what each takes, against lists written out; chosen where they take fewer cores."""

from collections import Counter
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.diagnostics import FindingsError
from neurocompile.ir.mapping import Partition
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Conv, identity
from neurocompile.passes.loihi.mapping.encode import encode, encodings_text
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.mapping.refine import refine
from neurocompile.passes.loihi.resources import CoreUsage, count
from neurocompile.passes.placing.neuron_orders import neuron_order, tile_sizes
from neurocompile.target.loihi import LoihiTarget
from tests.passes.loihi.bits import with_any_bits

NONE = {"neurons": 0, "input_axons": 0, "output_axons": 0, "synapse_memory": 0}
CODES = ("NC404", "NC402", "NC403", "NC401")


def recount_usage(nets: ModuleType, network: Network, part: Partition, target: LoihiTarget
                  ) -> tuple[CoreUsage, ...]:
    """What every core takes, by the recount alone."""
    reserve = max(a.reserved_memory.value for a in target.accounting.values())
    none = nets.with_limits(target, **NONE | {"synapse_memory": reserve})
    amounts = {(d.code, d.values["core"]): d.values["needed"]
             for d in recount_partition(network, part, none) if d.code != "NC406"}
    return tuple(CoreUsage(*(int(str(amounts.get((code, k), 0))) for code in CODES))
                 for k in range(len(part.cores)))


def with_zeros(network: Network, share: float) -> Network:
    """Every weight is zero with that probability."""
    rng = np.random.default_rng(3)
    return replace(network, projections=tuple(replace(p, operator=p.operator.with_weights(
        (rng.random(p.operator.weights.shape) >= share).astype(np.int32) * 2))
        for p in network.projections))


def forms(network: Network) -> dict[str, str]:
    return {p.name: p.encoding for p in network.projections}


def test_dense_is_the_default(nets: ModuleType, strict: LoihiTarget) -> None:
    network = nets.Builder(2, 6, 6).conv("a", 4).dense("b", 3).build()
    assert set(forms(network).values()) == {"dense"}
    assert encode(network, strict, "dense").projections == network.projections
    assert encodings_text(encode(network, strict, "sparse")) == "2 sparse"


def test_host_populations_have_no_lists(nets: ModuleType, strict: LoihiTarget) -> None:
    network = nets.Builder(4).dense("h", 5).dense("a", 3).build()
    network = replace(network, populations=(replace(network.populations[0], on_host=True),
                                            network.populations[1]))
    assert forms(encode(network, strict, "sparse")) == {"in -> h": "dense", "h -> a": "sparse"}


def test_sparse_lists_leave_out_zeros(nets: ModuleType, loihi1: LoihiTarget) -> None:
    """20 targets: 178 bits in three words; every other of them with an index 190 bits, in three."""
    network = nets.Builder(6).dense("a", 20).build()
    weights = np.zeros((20, 6), np.int32)
    weights[::2, :5] = 2
    operator = network.projections[0].operator.with_weights(weights)
    network = replace(network, projections=(replace(network.projections[0], operator=operator),))
    sparse = encode(network, loihi1, "sparse")
    dense_use, sparse_use = (count(n, partition(n, loihi1), loihi1).cores[0]
                             for n in (network, sparse))
    assert dense_use == CoreUsage(20, 6, 0, 6 * 192)
    assert sparse_use == CoreUsage(20, 5, 0, 5 * 192)  # the last source sends to none


def test_auto_takes_sparse_lists_where_they_pay(nets: ModuleType, strict: LoihiTarget) -> None:
    network = nets.Builder(700).dense("a", 700).dense("b", 10).build()
    first, second = with_zeros(network, 0.8).projections[0], network.projections[1]
    network = replace(network, projections=(first, second))
    auto = encode(network, strict, "auto")
    assert forms(auto) == {"in -> a": "sparse", "a -> b": "dense"}
    fewer, more = (partition(n, strict) for n in (auto, network))
    assert len(fewer.cores) < len(more.cores)
    assert not list(recount_partition(auto, fewer, strict))
    tight = nets.with_limits(strict, input_axons=699)
    assert list(recount_partition(auto, fewer, tight))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cores"), [("vggs", 157), ("mixer", 234)])
def test_shared_lists_on_the_benchmark(nets: ModuleType, strict: LoihiTarget, name: str,
                                       cores: int) -> None:
    network = nets.NETWORKS[name]()
    shared = encode(network, strict, "shared")
    part = refine(shared, partition(shared, strict), strict)
    assert len(part.cores) == cores
    assert Counter(forms(shared).values())["shared"] >= 4
    boxes = {p.target for p in shared.projections if p.encoding == "shared"}
    assert boxes == {n for n, order in part.order_names.items() if order.startswith("tile/")}
    usage = count(shared, part, strict)
    assert recount_usage(nets, shared, part, strict) == usage.cores
    assert all(core.fits(usage.limits) for core in usage.cores)


def test_shared_only_where_it_takes_fewer_cores(nets: ModuleType, strict: LoihiTarget) -> None:
    network = nets.Builder(2, 6, 6).conv("a", 4).conv("b", 4).build()
    assert len(partition(network, strict).cores) == 1
    assert set(forms(encode(network, strict, "shared")).values()) == {"dense"}


def test_shared_where_dense_lists_would_not_fit_the_machine(nets: ModuleType,
                                                            strict: LoihiTarget) -> None:
    network = nets.Builder(16, 16, 16).conv("a", 32).build()
    target = nets.with_limits(strict, cores=8, chips=1)
    with pytest.raises(FindingsError) as error:
        partition(network, target)
    assert [d.code for d in error.value.diagnostics] == ["NC410"]
    assert len(partition(encode(network, target, "shared"), target).cores) == 8


def test_boxes_with_a_skip_beside_the_convolution(nets: ModuleType, strict: LoihiTarget) -> None:
    builder = nets.Builder(16, 12, 12).conv("a", 16).conv("b", 16)
    builder.join("a", "b", identity((16, 12, 12)), delay=1)
    target = nets.with_limits(strict, synapse_memory=60_000)
    shared = encode(builder.build(), target, "shared")
    assert [p.encoding for p in shared.projections] == ["shared", "shared", "dense"]
    part = partition(shared, target)
    assert len(part.cores) < len(partition(builder.build(), target).cores)
    assert recount_usage(nets, shared, part, target) == count(shared, part, target).cores


def test_tile_order() -> None:
    shape, name = (5, 4, 6), "tile/2x3x4"
    order, sizes = neuron_order(shape, name), tile_sizes(shape, name)
    assert sorted(order.tolist()) == list(range(120))
    flat, at = np.arange(120).reshape(shape), 0
    for y in (0, 3):
        for x in (0, 4):
            for c in (0, 2, 4):
                box = flat[c:c + 2, y:y + 3, x:x + 4].transpose(1, 2, 0).reshape(-1)
                assert order[at:at + box.size].tolist() == box.tolist()
                at += box.size
    assert sizes.tolist()[:3] == [24, 24, 12]
    assert sizes.sum() == 120
    with pytest.raises(ValueError, match="no neuron order"):
        neuron_order((4, 6), name)


@st.composite
def conv_nets(draw: st.DrawFn, nets: ModuleType) -> Network:
    builder = nets.Builder(draw(st.integers(1, 3)), *(draw(st.integers(3, 8)),) * 2)
    for number in range(draw(st.integers(1, 3))):
        ins, side = builder.shape[0], builder.shape[1]
        kernel, stride = draw(st.sampled_from([1, 3])), draw(st.integers(1, 2))
        before = builder.shape
        if draw(st.integers(0, 3)):
            builder.conv(f"c{number}", draw(st.integers(1, 6)), stride, kernel, kernel // 2)
        else:  # depthwise
            out = (side - 1) // stride + 1
            builder.add(f"c{number}", Conv(before, (ins, out, out), np.ones((ins, 1, 3, 3), np.int8),
                                           (stride, stride), (1, 1), groups=ins))
        if draw(st.booleans()):
            builder.join(builder.populations[-1].name, f"c{number}", identity(builder.shape),
                         delay=1)
    return builder.dense("out", draw(st.integers(1, 9))).build()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_network_in_any_encoding(nets: ModuleType, strict: LoihiTarget,
                                     data: st.DataObject) -> None:
    network = with_any_bits(data, with_zeros(
        data.draw(conv_nets(nets)), data.draw(st.sampled_from([0.0, 0.5, 0.9]))))
    target = nets.with_limits(strict, neurons=data.draw(st.integers(4, 60)),
                          input_axons=data.draw(st.integers(60, 300)),
                          output_axons=data.draw(st.integers(20, 300)),
                          synapse_memory=data.draw(st.integers(5_000, 30_000)))
    how = data.draw(st.sampled_from(["sparse", "shared", "auto"]))
    try:
        with_encodings = encode(network, target, how)
        part = partition(with_encodings, target)
    except FindingsError as error:
        assert {d.code for d in error.diagnostics} == {"NC405"}  # noqa: PT017
        return
    part = refine(with_encodings, part, target)
    assert not list(recount_partition(with_encodings, part, target))
    usage = count(with_encodings, part, target)
    assert recount_usage(nets, with_encodings, part, target) == usage.cores
    assert all(one.least.fits(one.total) for one in usage.populations)
    assert len(usage.cores) >= max(usage.least.cores(usage.limits).values())
