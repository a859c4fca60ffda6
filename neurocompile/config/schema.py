"""The JSON Schema of neurocompile.toml, from the declarations: editors complete keys and values."""

from __future__ import annotations

from typing import Any

from neurocompile.capture.declaration import LAYOUTS
from neurocompile.config.load import IGNORE_KEYS, INPUT_KEYS, KEYS, MODEL_KEYS, NEURON_KEYS
from neurocompile.config.table import MAX_TICKS
from neurocompile.families.table import declared_options
from neurocompile.formats.table import format_options
from neurocompile.options import INPUT, Option
from neurocompile.rules import RULES

_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_TICKS = {"type": "integer", "minimum": 1, "maximum": MAX_TICKS}
_CONSTANT = {"type": ["number", "string"]}


def configuration_schema() -> dict[str, Any]:
    """The schema of neurocompile.toml, and of `[tool.neurocompile]` in pyproject.toml."""
    properties = {
        "target": _describe("Chips that models are compiled for: names, or files of targets.", _TEXTS),
        "models": _describe("Models by name.", {"type": "object", "additionalProperties": _model()}),
        "ignore": _describe("Findings to leave out.", {"type": "array", "items": _ignore()}),
        "baseline": _describe("File of findings that are known and do not count.", _TEXT),
        "neurons": _describe("Classes of the project that are neurons, by their equations.",
                         {"type": "array", "items": _neuron()}),
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "neurocompile.toml", **_table(KEYS, properties)}


def _model() -> dict[str, Any]:
    shape = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1}}
    properties = {
        "entry": _describe("Makes the model: pkg.mod:factory.", _TEXT),
        "args": _describe("Arguments of the factory, by name.", {"type": "object"}),
        "weights": _describe("File of its weights, from this file on.", _TEXT),
        "input": _describe(INPUT.help, {"oneOf": [
            INPUT.values.schema(),
            _table(INPUT_KEYS, {"shape": shape, "ticks": _TICKS}, ("shape",))]}),
        "sample": _describe("Inputs of the model: .npz with x, and y for labels.", _TEXT),
        "ticks": _describe("The model computes one tick per call: run so many.", _TICKS),
        "targets": _describe("Its chips, where they are not the project's.", _TEXTS),
    }
    options = {one.key: _option(one) for one in (*declared_options(), *format_options())}
    return {**_table((*MODEL_KEYS, *options), {**properties, **options}),
            "anyOf": [{"required": ["entry"]}, {"required": ["weights"]}]}


def _option(option: Option) -> dict[str, Any]:
    default = {} if option.default is None or option.default == () else {"default": option.default}
    return _describe(option.help, {**option.values.schema(), **default})


def _ignore() -> dict[str, Any]:
    properties = {"code": _describe("Of the rule.", {"enum": list(RULES)}),
                  "module": _describe("Pattern of modules, such as head.*.", _TEXT),
                  "reason": _describe("Why the finding may be left out.", _TEXT)}
    return _table(IGNORE_KEYS, properties, ("code", "reason"))


def _neuron() -> dict[str, Any]:
    properties = {
        "class": _describe("pkg.mod:Class.", {"type": "string", "pattern": "^[^:]+:[^:]+$"}),
        "equations": _describe("What it computes in a tick.", _TEXT),
        "layout": _describe("What `forward` takes.", {"enum": list(LAYOUTS)}),
        "reset": _describe("Methods to call and attributes to set before a capture.",
                       {"oneOf": [*_TEXTS["oneOf"], {"type": "object"}]}),
        "start": _describe("The potential before the first tick.", _CONSTANT),
        "constants": _describe("Numbers, or names of the module's attributes.",
                           {"type": "object", "additionalProperties": _CONSTANT})}
    return _table(NEURON_KEYS, properties, ("class", "equations"))


def _table(keys: tuple[str, ...], properties: dict[str, Any],
           mandatory: tuple[str, ...] = ()) -> dict[str, Any]:
    """A table of these keys and no others."""
    return {"type": "object", "additionalProperties": False,
            "properties": {key: properties[key] for key in keys},
            **({"required": list(mandatory)} if mandatory else {})}


def _describe(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, **schema}
