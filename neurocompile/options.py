"""Options, each declared once: its values, its default, its help, and which chips it concerns.

The command line, the keys of neurocompile.toml and their JSON Schema, the keywords of the API, the
checks of values (NC009), the manifest, and the warning that an option has no effect on a family of
chips (NC013) all follow from the declaration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.input_sizes import Sizes
from neurocompile.option_values import (
    SEARCH,
    Bits,
    Choice,
    Names,
    Ranges,
    Several,
    SeveralBits,
    Share,
    Values,
    Whole,
)

_KEY = "option"  # of a field's metadata


@dataclass(frozen=True, slots=True)
class Option:
    """The declaration of one option."""

    name: str  # of the field, with underscores
    values: Values
    default: Any
    help: str
    families: tuple[str, ...] = ()  # of the chips that it has an effect on; empty: all

    @property
    def key(self) -> str:
        """Its key in neurocompile.toml."""
        return self.name.replace("_", "-")

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.key}"

    @property
    def repeats(self) -> bool:
        """Whether the command line may give it several times."""
        return isinstance(self.values, Several | Ranges)

    def read(self, value: object) -> Any:
        """The value. Raises UsageError (NC009) for one that it does not take."""
        if value is None and self.default is None:
            return None
        try:
            return self.values.read(value)
        except ValueError as error:
            raise self._refusal(repr(value), error) from None

    def parse(self, text: str) -> Any:
        """The value of a text of the command line. Raises UsageError (NC009)."""
        try:
            return self.values.parse(text)
        except ValueError as error:
            raise self._refusal(text, error) from None

    def _refusal(self, text: str, error: ValueError) -> UsageError:
        return UsageError(Diagnostic("NC009", values={
            "option": self.flag, "reason": f"it is {error}",
            "value": f"`{text if len(text) < 80 else text[:77] + '...'}`"}))

    def concerns(self, family: str) -> bool:
        """Whether it has an effect on that family of chips."""
        return not self.families or family in self.families


def option(values: Values, default: Any, help: str, families: tuple[str, ...] = ()) -> Any:
    """A field of a frozen dataclass that declares an option."""
    return field(default=default, metadata={_KEY: (values, help, families)})


def declared_in(kind: type) -> tuple[Option, ...]:
    """The options that a dataclass declares, in its order."""
    return tuple(
        Option(name=f.name, values=f.metadata[_KEY][0], default=f.default, help=f.metadata[_KEY][1],
               families=f.metadata[_KEY][2]) for f in fields(kind) if _KEY in f.metadata)


INPUT = Option(
    name="input", values=Sizes(), default=None,
    help="Sizes of the model's input without its samples, where there is no sample file; N says where "
    "the samples stand: 30xNx8 has 30 ticks in front of them.")
STORED_BITS = Bits(8, pair=16)
SWEEP_BITS = Option(
    name="bits", values=SeveralBits(STORED_BITS), default=(8, 6, 4, 3, 2),
    help="What `--weight-bits` is, one point of the sweep each: 8,4,search or 8,4,lif3=16.")
ALLOW = ("residual-distribution", "compose-linear", "or-pool", "coincidence-gates")
LOIHI, TRUENORTH = ("loihi",), ("truenorth",)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a build can be told; what has an effect lands in its manifest.

    Values are checked: NC009 (UsageError) for one that an option does not take.
    """

    encoder: str = option(
        Choice(("auto", "bias", "graded", "host")), "auto", "How analog input reaches the chip.")
    streams: str = option(
        Choice(("auto", "duplicate", "adder")), "auto",
        "Sums that several layers receive: each with all synapses, or once as graded spikes.")
    readout: str = option(
        Choice(("auto", "host", "chip")), "auto", "Where outputs are added up over a sample.")
    weight_bits: int | str | None = option(
        STORED_BITS, None, "Bits of a stored weight; 8 on Loihi and 4 on TrueNorth if not given. "
        "On Loihi others by population, of which 16 take two synapses a weight, or the fewest that keep "
        "the accuracy on a sample.")
    input_range: tuple[tuple[str, float, float], ...] = option(
        Ranges(), (), "Range of analog inputs; else that of the sample. What is beyond is clipped.")
    overflow: str = option(
        Choice(("auto", "prove", "saturate")), "auto",
        "Potentials that some input could drive out of their register: excluded by proof, or "
        "clipped as the chip does where a proof costs more than a bit.", LOIHI)
    encoding: str = option(
        Choice(("dense", "sparse", "shared", "auto")), "dense",
        "How synapses are stored: convolutions share lists, zeros are left out.", LOIHI)
    max_loss: float = option(
        Share("PERCENT", "a number from 0 to 100", 100.0, inclusive=True), 20.0,
        "Fail when a population's own rounding moves more of its spikes, in percent.")
    search_loss: float = option(
        Share("POINTS", "a number from 0 to 100", 100.0, inclusive=True), 0.5,
        "With --weight-bits search: how many points of accuracy on the sample fewer bits may cost.",
        LOIHI)
    max_cores: int | None = option(Whole(1), None, "Fail when more cores are needed.")
    max_chips: int | None = option(Whole(1), None, "Fail when more chips are needed.")
    max_synapses: int | None = option(Whole(1), None, "Fail when more synapses are stored.")
    timing: str = option(
        Choice(("tick", "async")), "tick", "Whether the chip has a global tick.")
    allow: tuple[str, ...] = option(
        Several(ALLOW, "REWRITE"), (),
        f"Take an exact rewrite instead of refusing: {', '.join(ALLOW)}.")
    outputs: tuple[str, ...] = option(
        Names(), (), "The outputs that are wanted, by number or name: 0,logits. All, if not given.")
    prune_tokens: float = option(
        Share(), 0.0,
        "Drop this share of the tokens: those with the fewest spikes on the sample.")
    prune_steps: float = option(Share(), 0.0, "Drop this share of the ticks.")
    fan_in: str = option(
        Choice(("reject", "exact-slow", "group")), "reject",
        "Too many inputs for a crossbar: refuse, take more ticks, or name groups.", TRUENORTH)

    foreign: tuple[Option, ...] = ()  # options of other families alone that were set, too
    usual_bits: int | None = None  # of a stored weight on the family's chips, once it is known

    def __post_init__(self) -> None:
        for one in declared_in(type(self)):
            object.__setattr__(self, one.name, one.read(getattr(self, one.name)))

    @property
    def budgets(self) -> dict[str, int]:
        """The budgets that are set, by resource."""
        limits = {"cores": self.max_cores, "chips": self.max_chips, "synapses": self.max_synapses}
        return {name: limit for name, limit in limits.items() if limit is not None}

    @property
    def bits(self) -> int:
        """Bits of a stored weight where `bits_of` says nothing else; in a search the most.

        Raises TypeError where no family has filled them in.
        """
        first = str(self.weight_bits).partition(",")[0]
        bits = self.usual_bits if not first.isdecimal() else int(first)
        if bits is None:
            raise TypeError("bits of a weight depend on the family of chips: Options.with_usual_bits")
        return bits

    @property
    def bits_of(self) -> dict[str, int]:
        """Bits of the weights into single populations."""
        pairs = (part.rpartition("=") for part in str(self.weight_bits).split(",") if "=" in part)
        return {name: int(bits) for name, _, bits in pairs}

    @property
    def searches_bits(self) -> bool:
        """Whether the fewest bits are looked for."""
        return self.weight_bits == SEARCH

    def equal_bits(self, target: str) -> int:
        """Bits of all stored weights. Raises UsageError (NC009) where they are not all the same."""
        if isinstance(self.weight_bits, str):
            raise UsageError(Diagnostic("NC009", values={
                "option": "--weight-bits", "value": f"`{self.weight_bits}`",
                "reason": f"on {target} it is one number for all"}))
        return self.bits

    def values(self) -> dict[str, Any]:
        """All options by name."""
        return {one.name: getattr(self, one.name) for one in declared_in(type(self))}

    def with_usual_bits(self, weight_bits: int) -> Self:
        """The options with a family's usual bits of a weight where nothing was said."""
        return replace(self, usual_bits=weight_bits, weight_bits=(
            weight_bits if self.weight_bits is None else self.weight_bits))

    def record(self, family: str) -> dict[str, Any]:
        """All that have an effect on a family of chips, by name: what a manifest holds."""
        values = self.values()
        return {one.name: values[one.name] for one in declared_in(type(self))
                if one.concerns(family)}

    def without_effect(self, family: str, target: str) -> Iterator[Diagnostic]:
        """NC013 for each option that was set and has no effect on a family of chips."""
        idle = [one for one in declared_in(type(self))
                if not one.concerns(family) and getattr(self, one.name) != one.default]
        for one in (*idle, *self.foreign):
            yield Diagnostic("NC013", values={
                "option": one.flag, "target": target, "families": one.families})
