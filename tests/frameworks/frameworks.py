"""Which framework versions the tests know, what each needs, and how to import one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.paths import ROOT

STUBS = Path(__file__).parent / "stubs"
FRAMEWORKS = {
    "spikingjelly-2.0.0": ("spikingjelly==2.0.0", "loguru==0.7.3", "tqdm==4.70.1"),
    "spikingjelly-0.0.0.0.14": ("spikingjelly==0.0.0.0.14", "tqdm==4.70.1"),
    "spikingjelly-0.0.0.0.12": ("spikingjelly==0.0.0.0.12", "tqdm==4.70.1"),
    "snntorch-1.0.0": ("snntorch==1.0.0",),
    "norse-1.1.0": ("norse==1.1.0", "nir==1.0.8", "nirtorch==2.6"),
    "sinabs-3.1.3": ("sinabs==3.1.3", "nir==1.0.4", "nirtorch==2.0.2", "pbr==7.1.3"),
    "rockpool-3.1.0": ("rockpool==3.1.0",),
    "lava-dl-0.6.0": ("lava-dl==0.6.0",),
}


def folder(name: str) -> Path:
    """Where a framework version is installed; NC_FRAMEWORKS may name another parent folder."""
    return Path(os.environ.get("NC_FRAMEWORKS", ROOT / "build" / "frameworks")) / name


def use(name: str) -> None:
    """Puts a framework version first on the path of this process. Raises FileNotFoundError."""
    if not folder(name).is_dir():
        raise FileNotFoundError(f"{folder(name)}: run python -m tests.frameworks.install {name}")
    sys.path[:0] = [str(folder(name)), str(STUBS)]
