"""Linear operators: what a projection computes, without listing its synapses."""

from neurocompile.ir.operators.algebra import add, compose, identity, is_identity, same, wiring
from neurocompile.ir.operators.axis import Axis, beside, cropped, even, mixed, mixers
from neurocompile.ir.operators.base import Array, Nets, Operator, Shape
from neurocompile.ir.operators.conv import Conv
from neurocompile.ir.operators.cut import cut, fan_in, most_sources
from neurocompile.ir.operators.einsum import Einsum, einsum
from neurocompile.ir.operators.matrices import Dense, Sparse, from_matrix, smaller
from neurocompile.ir.operators.part import Part
from neurocompile.ir.operators.selected import Selected

__all__ = [
    "Array", "Axis", "Conv", "Dense", "Einsum", "Nets", "Operator", "Part", "Selected", "Shape",
    "Sparse", "add", "beside", "compose", "cropped", "cut", "einsum", "even", "fan_in", "from_matrix", "identity",
    "is_identity", "mixed", "mixers", "most_sources", "same", "smaller", "wiring",
]
