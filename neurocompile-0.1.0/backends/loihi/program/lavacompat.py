"""Makes lava-nc 0.10.0 run on Python 3.11 and later and on numpy 2; edits no installed file.

Does nothing where Lava runs unaided (Python 3.10 with numpy 1.26). Import it before `lava`.
"""

import dataclasses
import functools
import sys

import numpy as np

NUMPY = tuple(int(part) for part in np.__version__.split(".")[:2])


def _reshape(array, shape):
    return np.reshape(array, shape)


def _hashable_encoder():
    """Python 3.11 refuses an unhashable object as a dataclass default; make that class hashable."""
    real = dataclasses.dataclass

    def dataclass(cls=None, /, **options):
        def wrap(c):
            more = {"unsafe_hash": True} if c.__name__ == "ByteEncoder" else {}
            return real(c, **{**options, **more})
        return wrap if cls is None else wrap(cls)

    dataclasses.dataclass = dataclass
    try:
        import lava.magma.compiler.var_model  # noqa: F401
    finally:
        dataclasses.dataclass = real


def _reshape_ports():
    """numpy 2.4 removed the keyword `newshape`; pass the shape by position."""
    from lava.magma.core.process.ports.ports import ReshapePort

    ReshapePort.get_transform_func_fwd = (
        lambda self: functools.partial(_reshape, shape=self.shape))
    ReshapePort.get_transform_func_bwd = (
        lambda self: functools.partial(_reshape, shape=self.old_shape))


def _wide_conv_parameters():
    """With numpy 2, sizes times int8 parameters overflow; make the parameters plain integers."""
    from lava.proc.conv import utils

    real = utils.conv

    def conv(spikes, weight, kernel, stride, padding, dilation, groups):
        pairs = ([int(i) for i in pair] for pair in (kernel, stride, padding, dilation))
        return real(spikes, weight, *(tuple(pair) for pair in pairs), int(groups))

    utils.conv = conv


def install():
    """Apply what this Python and this numpy need."""
    if sys.version_info >= (3, 11) and "lava.magma.compiler.var_model" not in sys.modules:
        _hashable_encoder()
    if NUMPY >= (2, 1):
        _reshape_ports()
    if NUMPY >= (2, 0):
        _wide_conv_parameters()


install()
