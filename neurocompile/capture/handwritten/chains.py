"""Thresholds grouped into neurons: the ticks of one neuron are a chain.

A threshold follows the one before it in its place (module and lines of the user's code) whose
potential it is computed from, elementwise. Thresholds of one place that carry nothing on are the
ticks of a memoryless neuron, unless one depends on the other: then they are layers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from torch.fx import Node

from neurocompile.capture.frames import module_path, user_frames
from neurocompile.capture.handwritten.fx_values import ProgramValues, copy_source, operation
from neurocompile.capture.handwritten.thresholds import Threshold, Thresholds
from neurocompile.diagnostics import Call


@dataclass(frozen=True, eq=False)
class Chain:
    """The thresholds of one neuron in the order of its ticks, and its name."""

    name: str
    ticks: tuple[Threshold, ...]
    linked: bool  # each tick is computed from the potential of the one before


Place = tuple[str, tuple[Call, ...]]


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A chain without a name yet, and where its thresholds stand."""

    place: Place
    ticks: list[Threshold]
    linked: bool


def chains(values: ProgramValues, thresholds: Thresholds, which: Sequence[Threshold]
           ) -> list[Chain]:
    """The neurons that some thresholds of a program are, in topological order."""
    places: dict[Place, list[Threshold]] = defaultdict(list)
    for threshold in which:
        node = threshold.node
        frames = user_frames(node.meta.get("stack_trace") or "")
        places[module_path(node), frames].append(threshold)
    candidates = [candidate for place, here in places.items()
                  for candidate in _candidates(values, thresholds, place, here)]
    candidates.sort(key=lambda candidate: values.position[candidate.ticks[0].node])
    candidates = _with_first_ticks(values, thresholds, candidates)
    names = _names([candidate.place for candidate in candidates])
    return [Chain(name, tuple(candidate.ticks), candidate.linked)
            for name, candidate in zip(names, candidates, strict=True)]


def _with_first_ticks(values: ProgramValues, thresholds: Thresholds, candidates: list[_Candidate]
                      ) -> list[_Candidate]:
    """A first tick that is written before the loop joins the chain that goes on from it."""
    joint = list(candidates)
    for path in {candidate.place[0] for candidate in candidates}:
        first = {candidate.ticks[0]: candidate for candidate in candidates
                 if candidate.place[0] == path}
        for later, earlier in _links(values, thresholds, list(first)).items():
            before, after = first[earlier], first[later]
            if before in joint and after in joint and len(before.ticks) == 1:
                joint[joint.index(before)] = _Candidate(
                    after.place, [*before.ticks, *after.ticks], True)
                joint.remove(after)
    return joint


def _candidates(values: ProgramValues, thresholds: Thresholds, place: Place, here: list[Threshold]
                ) -> list[_Candidate]:
    """The chains of one place: linked ones, then those without memory."""
    follows = _links(values, thresholds, here)
    links: list[list[Threshold]] = []
    chain_of: dict[Threshold, list[Threshold]] = {}
    for threshold in here:
        before = follows.get(threshold)
        if before is None or chain_of[before][-1] is not before:
            chain_of[threshold] = [threshold]
            links.append(chain_of[threshold])
        else:
            chain_of[before].append(threshold)
            chain_of[threshold] = chain_of[before]
    alone = [chain[0] for chain in links if len(chain) == 1]
    return [*(_Candidate(place, chain, True) for chain in links if len(chain) > 1),
            *(_Candidate(place, level, False) for level in _levels(values, alone))]


def _links(values: ProgramValues, thresholds: Thresholds, here: Sequence[Threshold]
           ) -> dict[Threshold, Threshold]:
    """The latest threshold whose potential each one's is computed from."""
    number_of = {node: number for number, t in reversed(list(enumerate(here))) for node in t.spine}
    latest: dict[Node, int] = {}
    for node in values.between(number_of):
        if node in thresholds.of:
            continue
        if copy_source(node) is not None or operation(node) is not None:
            latest[node] = max((max(latest.get(n, -1), number_of.get(n, -1))
                                for n in node.all_input_nodes), default=-1)
    follows = {}
    for number, threshold in enumerate(here):
        bottom = threshold.spine[-1]
        before = max((latest.get(n, -1) for n in threshold.spine), default=-1)
        before = min(before, number) if before != number else latest.get(bottom, -1)
        if 0 <= before < number:
            follows[threshold] = here[before]
    return follows


def _levels(values: ProgramValues, alone: list[Threshold]) -> list[list[Threshold]]:
    """Thresholds by how many of the others they depend on one after the other."""
    if len(alone) < 2:
        return [[t] for t in alone]
    number = {node: t for t in alone for node in (t.node, *t.forms)}
    level: dict[Threshold, int] = {}
    depth: dict[Node, int] = {}
    for node in values.between(number):
        depth[node] = max((depth.get(n, 0) for n in node.all_input_nodes), default=0)
        if node in number:
            own = level.setdefault(number[node], depth[node])
            depth[node] = own + 1
    by_level: dict[int, list[Threshold]] = defaultdict(list)
    for threshold in alone:
        by_level[level[threshold]].append(threshold)
    return [by_level[key] for key in sorted(by_level)]


def _names(places: Sequence[Place]) -> list[str]:
    """The module's path; `path@line` where it has several neurons or is the network itself."""
    many = Counter(path for path, _ in places)
    names = []
    for path, frames in places:
        if path and many[path] == 1:
            names.append(path)
        else:
            names.append(f"{path}@{_line(frames, [f for p, f in places if p == path])}")
    uses: Counter[str] = Counter()
    unique = []
    for name in names:
        uses[name] += 1
        unique.append(name if uses[name] == 1 else f"{name}:{uses[name]}")
    return unique


def _line(frames: tuple[Call, ...], others: Sequence[tuple[Call, ...]]) -> int:
    """The innermost line that tells a neuron from the others of its module."""
    for depth in range(1, len(frames) + 1):
        lines = {f[-depth] for f in others if len(f) >= depth}
        if len(lines) == len(set(others)):
            return frames[-depth].line
    return frames[-1].line if frames else 0
