"""Linear operators: what a projection computes, without listing its synapses."""

from neurocompile.ir.operators.algebra import add, compose, identity, is_identity, same, wiring
from neurocompile.ir.operators.axis import Axis, axis_beside, crop, even, mixed_axes, mixers
from neurocompile.ir.operators.base import Array, Nets, Operator, Shape
from neurocompile.ir.operators.conv import Conv
from neurocompile.ir.operators.cut import cut, fan_in, most_sources
from neurocompile.ir.operators.einsum import Einsum, einsum
from neurocompile.ir.operators.matrices import Dense, Sparse, empty, from_matrix, smaller
from neurocompile.ir.operators.part import Part
from neurocompile.ir.operators.restriction import Restriction

__all__ = [
    "Array", "Axis", "Conv", "Dense", "Einsum", "Nets", "Operator", "Part", "Restriction", "Shape",
    "Sparse", "add", "axis_beside", "compose", "crop", "cut", "einsum", "empty", "even",
    "fan_in", "from_matrix", "identity", "is_identity", "mixed_axes", "mixers", "most_sources", "same",
    "smaller", "wiring",
]
