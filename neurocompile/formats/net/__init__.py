"""lava-dl's networks, as `.net`: read into a torch module, written from a family's integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocompile.formats.format import Document, Format, NoOptions, Package, Say, Writer

if TYPE_CHECKING:
    from neurocompile.formats.net.layers import NetFile
    from neurocompile.formats.request import Capture, Request
    from neurocompile.formats.samples import Sample

CHAIN = "lava-dl chain"  # a family's integers as a NetFile


def _read(request: Request, sample: Sample | None, options: NoOptions, say: Say) -> Capture:
    from neurocompile.formats.net.load import load

    return load(request, sample)


def _write(net: NetFile, _: NoOptions) -> Document:
    from neurocompile.formats.net.write import net_bytes

    layers = len(net.layers) + (net.input.cell is not None)
    return Document(net_bytes(net), f"{layers:,} layers")


NET = Format(
    name="net", suffixes=(".net",), summary="a network of lava-dl (HDF5); --ticks N runs N ticks",
    read=_read,
    writer=Writer(CHAIN, _write, "the integers for --target, where lava-dl's netx builds exactly "
                                 "that network"),
    packages=(Package("h5py", core=True),))
