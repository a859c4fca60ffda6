"""What a format of model files is: one value, and all else that knows of it follows.

Reading by suffix, hints on near misses, `export`, options and help of the command line, and the
packages that `doctor` lists come from it. What reads and writes imports its packages when called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from neurocompile.diagnostics import Diagnostic
from neurocompile.options import Option, declared_in

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture, Request
    from neurocompile.formats.samples import Sample

GRAPH = "graph"  # what a writer writes: the captured Graph
NETWORK = "network"  # the float Network

Say = Callable[[str], None]  # a line for the user
Read = Callable[["Request", "Sample | None", Any, Say], "Capture"]
"""Of a request whose `spec` is a file that exists, a sample, the format's options: the model.

Raises UsageError for what cannot be read, FindingsError from capture. No code in a file is run.
"""


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Of a format that has none."""


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution that reading or writing takes."""

    name: str
    core: bool = False  # neurocompile itself depends on it


@dataclass(frozen=True, slots=True)
class Document:
    """A file to write."""

    data: bytes
    size: str  # in words: "12 nodes"
    warnings: tuple[Diagnostic, ...] = ()  # what it cannot say


@dataclass(frozen=True, slots=True)
class Writer:
    """How a format is written.

    `source` says from what: GRAPH, NETWORK, or a form that a family of chips makes of its integers
    (`Family.forms`). `write` gets that and the format's options, and raises FindingsError for what
    the format cannot express.
    """

    source: str
    write: Callable[[Any, Any], Document]
    summary: str  # what is written, and what becomes of the rest


@dataclass(frozen=True, eq=False, kw_only=True)
class Format:
    """Files of one kind. It can be read, written, or both."""

    name: str  # in front of its options: `--nir-dt`
    suffixes: tuple[str, ...]
    summary: str  # what such a file is
    read: Read | None = None
    captures: bool = True  # a model, replayed when it is read; else a file holds Graph and replay
    writer: Writer | None = None
    options_type: type = NoOptions  # a frozen dataclass of `option(...)` fields
    packages: tuple[Package, ...] = ()

    def declarations(self) -> tuple[Option, ...]:
        """Its options, named as all commands and callers name them."""
        return tuple(replace(one, name=f"{self.name}_{one.name}")
                     for one in declared_in(self.options_type))

    def options(self, values: Mapping[str, Any]) -> Any:
        """Its options out of those of all formats, by name. Raises UsageError (NC009)."""
        return self.options_type(**{
            one.name.removeprefix(f"{self.name}_"): one.read(values[one.name])
            for one in self.declarations() if one.name in values})
