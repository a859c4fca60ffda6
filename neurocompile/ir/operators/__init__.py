"""Linear operators: what a projection computes, without listing its synapses."""

from neurocompile.ir.operators.algebra import add, compose, identity, is_identity, same, wiring
from neurocompile.ir.operators.base import Array, Nets, Operator, Shape
from neurocompile.ir.operators.conv import Conv
from neurocompile.ir.operators.einsum import Einsum, einsum
from neurocompile.ir.operators.matrices import Dense, Sparse, from_matrix, smaller
from neurocompile.ir.operators.part import Part

__all__ = [
    "Array", "Conv", "Dense", "Einsum", "Nets", "Operator", "Part", "Shape", "Sparse", "add",
    "compose", "einsum", "from_matrix", "identity", "is_identity", "same", "smaller", "wiring",
]
