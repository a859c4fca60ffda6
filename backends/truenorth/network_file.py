"""The file of a core network: safetensors with metadata; `docs/truenorth_file.md` has its format."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.truenorth.check import LAYOUTS, faults, require
from neurocompile.diagnostics import UsageError
from neurocompile.formats.regular import corrupt
from neurocompile.formats.tensor_file import TensorFile, read_tensors, write_tensors
from neurocompile.ir.mapping import CoreId
from neurocompile.passes.truenorth.core_network import (
    CoreNetwork,
    Cores,
    InputTable,
    PopulationTable,
)
from neurocompile.passes.truenorth.crossbar import WHOLE, Crossbar

VERSION = 1
KEY = "neurocompile.core_network"  # of the metadata
KIND = "a core network"
_WIDTHS = (np.uint8, np.int16, np.int32, np.int64)
_WHOLE = ("crossbar", "axon_types", "weights")  # never one number: the file's size bounds the cores
_INPUT, _POPULATION = ("element", "core", "axon", "delay"), ("core", "slot", "line")
_KEYS = {"version", "n_ticks", "step", "reload", "roles", "places", "inputs", "populations",
         "crossbar"}
Array = NDArray[Any]
FORM_ERRORS = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)


def save_network(network: CoreNetwork, path: Path) -> None:
    """Write the file; equal networks give equal bytes, and an old file stays until it is whole.

    Raises FindingsError (NC613) for a network that is out of range.
    """
    require(network)
    arrays, constants = columns(network), {}
    for f in fields(network.cores):
        array = getattr(network.cores, f.name)
        first = array.flat[0] if array.size else 0
        if f.name not in _WHOLE and (array == first).all():
            constants[f.name] = int(first)
        else:
            arrays[f"cores.{f.name}"] = _narrow(array)
    document = metadata(network) | {"constants": constants}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    whole = path.with_name(path.name + ".part")
    write_tensors(whole, arrays, {KEY: text})
    os.replace(whole, path)


def metadata(network: CoreNetwork) -> dict[str, Any]:
    """All but arrays, as JSON has it."""
    smaller = {} if network.crossbar == WHOLE else {"crossbar": network.crossbar.to_json()}
    return {
        "version": VERSION, **smaller, "n_ticks": network.n_ticks, "step": network.step,
        "reload": network.reload, "roles": list(network.roles),
        "places": [[p.chip, p.x, p.y] for p in network.places],
        "inputs": [{"name": t.name, "always": t.always} for t in network.inputs],
        "populations": [{"name": p.name, "depth": p.depth} for p in network.populations]}


def columns(network: CoreNetwork) -> dict[str, Array]:
    """The arrays of the host's tables, by name in the file."""
    return {f"{kind}.{k}.{name}": _narrow(getattr(table, name))
            for kind, names, tables in (("inputs", _INPUT, network.inputs),
                                        ("populations", _POPULATION, network.populations))
            for k, table in enumerate(tables) for name in names}


def _narrow(array: Array) -> Array:
    """In the first of the file's types that holds every value; bits as bytes."""
    if array.dtype == np.bool_:
        return array
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    kind = next(k for k in _WIDTHS if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
    return array.astype(kind)


def load_network(path: Path) -> CoreNetwork:
    """The network of a file; every number in it is checked.

    Raises UsageError: NC003 where it is damaged, of another version or out of range, NC004 or NC007
    where it is no file to read.
    """
    file = read_tensors(path)
    try:
        document = json.loads(file.metadata[KEY])
        network = rebuild(document, _cores(file, document.pop("constants")), file.array)
        expected = {f"cores.{name}" for name in LAYOUTS} | set(columns(network))
        if unknown := set(file.entries) - expected:
            raise ValueError(f"unknown tensor `{min(unknown)}`")
    except FORM_ERRORS as error:
        raise UsageError(corrupt(path, KIND, f"{type(error).__name__}: {error}")) from None
    if findings := list(faults(network)):
        raise UsageError(*(corrupt(path, KIND, reason) for reason in findings))
    return network


def rebuild(document: Mapping[str, Any], cores: Cores, array: Callable[[str], Array]) -> CoreNetwork:
    """A network from its cores, its metadata and the arrays of its tables; ranges are not checked.

    Raises one of FORM_ERRORS.
    """
    if document["version"] != VERSION:
        raise ValueError(f"version {document['version']!r}; this program reads version {VERSION}")
    if unknown := set(document) - _KEYS:
        raise ValueError(f"unknown key `{min(unknown)}`")

    def column(prefix: str, names: tuple[str, ...]) -> dict[str, Any]:
        return {n: _cast(f"{prefix}.{n}", array(f"{prefix}.{n}"), "int64") for n in names}
    inputs = [InputTable(_text(entry["name"]), **column(f"inputs.{k}", _INPUT),
                         always=_flag(entry["always"]))
              for k, entry in enumerate(document["inputs"])]
    populations = [PopulationTable(_text(entry["name"]), depth=integer(entry["depth"]),
                                   **column(f"populations.{k}", _POPULATION))
                   for k, entry in enumerate(document["populations"])]
    places = [CoreId(*(integer(n) for n in place)) for place in document["places"]]
    crossbar = (Crossbar(**{name: integer(n) for name, n in document["crossbar"].items()})
                if "crossbar" in document else WHOLE)
    return CoreNetwork(
        cores=cores, inputs=tuple(inputs), populations=tuple(populations),
        n_ticks=integer(document["n_ticks"]), step=integer(document["step"]), reload=_flag(document["reload"]),
        roles=tuple(_text(role) for role in document["roles"]), places=tuple(places),
        crossbar=crossbar)


def _cores(file: TensorFile, constants: Mapping[str, int]) -> Cores:
    count = len(file.array("cores.crossbar"))
    arrays = {}
    for name, layout in LAYOUTS.items():
        shape = count, *layout.shape
        if name in constants and name not in _WHOLE:
            value = np.array(integer(constants[name]), np.int64)
            whole = np.broadcast_to(value, shape)
        else:
            whole = file.array(f"cores.{name}")
        arrays[name] = _cast(f"cores.{name}", whole, layout.dtype)
    return Cores(**arrays)


def _cast(name: str, array: Array, dtype: str) -> Array:
    cast: Array = array.astype(dtype)
    if not np.array_equal(cast, array):
        raise ValueError(f"`{name}` has values that {dtype} does not hold")
    return cast


def integer(value: object) -> int:
    """A value of JSON that has to be a whole number. Raises ValueError."""
    if type(value) is not int or abs(value) >= 1 << 62:
        raise ValueError(f"{value!r:.40} is no whole number of 62 bits")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.40} is not true or false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value
