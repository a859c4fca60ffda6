"""NIR graphs, as `.nir`: every producer's dialect read into a torch module, written from floats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocompile.formats.format import NETWORK, Document, Format, Package, Say, Writer
from neurocompile.formats.nir.options import NirOptions

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture, Request
    from neurocompile.formats.samples import Sample
    from neurocompile.ir.network import Network


def _read(request: Request, sample: Sample | None, options: NirOptions, say: Say) -> Capture:
    from neurocompile.formats.nir.load import load

    return load(request, sample, options)


def _write(network: Network, options: NirOptions) -> Document:
    from neurocompile.formats.nir.export import export_nir

    return export_nir(network) if options.dt is None else export_nir(network, options.dt)


NIR = Format(
    name="nir", suffixes=(".nir",), summary="a NIR graph (HDF5); --ticks N holds its input",
    read=_read,
    writer=Writer(NETWORK, _write, "the float network, for other tools; what NIR cannot say is "
                                   "listed"),
    options_type=NirOptions, packages=(Package("h5py", core=True),))
