"""Programs of torch.export, as `.pt2`: read without running what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocompile.formats.format import Format, NoOptions, Package, Say

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture, Request
    from neurocompile.formats.samples import Sample


def _read(request: Request, sample: Sample | None, options: NoOptions, say: Say) -> Capture:
    from neurocompile.formats.pt2.load import load

    return load(request, sample)


PT2 = Format(
    name="pt2", suffixes=(".pt2",), summary="a program of torch.export", read=_read,
    packages=(Package("torch", core=True),))
