"""JSON Schemas of dataclasses: of what `plain` writes and reads.

A class is described by its docstring, a field by the comment on its line. Consumers are told that
new keys keep a schema's number, so the schemas admit keys that they do not name.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from neurocompile.report.plain import JsonField, json_fields

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean",
                            types.NoneType: "null"}
_FIELD = re.compile(r"^    (\w+): .*?  # (.+)$", re.MULTILINE)

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facet:
    """What else holds of a value: a keyword of JSON Schema, such as `minimum`."""

    keyword: str
    value: Any


Count = Annotated[int, Facet("minimum", 0)]
Share = Annotated[float, Facet("minimum", 0)]  # of a limit; with a budget beyond it above 1


def document_schema(kind: type, extra: Mapping[str, Mapping[str, type]] | None = None) -> Schema:
    """The schema of a document: a dataclass with its identifier in `schema` or `format`.

    `extra`: for a field that holds an object of others' making, the classes by key.
    """
    name = identifier(kind)
    defs: dict[str, Schema] = {}
    body = _object(kind, defs)
    for field, classes in (extra or {}).items():
        body["properties"][field]["properties"] = {
            key: _schema(one, defs) for key, one in classes.items()}
    _, topic, number = name.split("/")
    return {"$schema": DIALECT, "$id": f"urn:neurocompile:schema:{topic}:{number}", "title": name,
            **body, **({"$defs": dict(sorted(defs.items()))} if defs else {})}


def identifier(kind: type) -> str:
    """What a document says that it is: `neurocompile/resources/2`."""
    first = next(f for f in json_fields(kind) if f.key in ("schema", "format"))
    return str(typing.get_args(first.hint)[0])


def schema_file(kind: type) -> str:
    """The file name of a document's schema: `resources-2.json`."""
    return "-".join(identifier(kind).split("/")[1:]) + ".json"


def _object(kind: type, defs: dict[str, Schema]) -> Schema:
    comments = _comments(kind)
    hints = json_fields(kind)
    return {
        "description": inspect.cleandoc(kind.__doc__ or "").replace("\n", " ").replace("  ", "\n"),
        "type": "object",
        "required": [f.key for f in hints if not f.optional],
        "properties": {f.key: _property(f, comments.get(f.name), defs) for f in hints},
    }


def _property(field: JsonField, comment: str | None, defs: dict[str, Schema]) -> Schema:
    result = _schema(field.hint, defs)
    if field.optional:  # absent, never null
        result = _without_null(result)
    return result if comment is None else {**result, "description": comment}


def _without_null(schema: Schema) -> Schema:
    if "anyOf" in schema:
        rest = [one for one in schema["anyOf"] if one != {"type": "null"}]
        return rest[0] if len(rest) == 1 else {"anyOf": rest}
    types_but_null = [one for one in schema["type"] if one != "null"]
    return {**schema, "type": types_but_null[0] if len(types_but_null) == 1 else types_but_null}


def _comments(kind: type) -> dict[str, str]:
    """What the lines of fields say, of the class and of those that it extends."""
    result: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if dataclasses.is_dataclass(one):
            result |= dict(_FIELD.findall(inspect.getsource(one)))
    return result


def _schema(hint: Any, defs: dict[str, Schema]) -> Schema:
    if hint is Any:
        return {}
    if hint in TYPES:
        return {"type": TYPES[hint]}
    if dataclasses.is_dataclass(hint):
        kind = typing.cast(type, hint)
        if kind.__name__ not in defs:
            defs[kind.__name__] = {}  # a class may hold itself
            defs[kind.__name__] = _object(kind, defs)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        facets = {one.keyword: one.value for one in arguments[1:] if isinstance(one, Facet)}
        return {**_schema(arguments[0], defs), **facets}
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return _union([_schema(one, defs) for one in arguments])
    if origin is tuple:
        return _list(arguments, defs)
    if origin is not None and issubclass(origin, Mapping):
        item = _schema(arguments[1], defs)
        return {"type": "object", **({"additionalProperties": item} if item else {})}
    raise TypeError(f"a field of type {hint} has no form in JSON")


def _union(alternatives: list[Schema]) -> Schema:
    if all(set(one) == {"type"} for one in alternatives):
        return {"type": [one["type"] for one in alternatives]}
    return {"anyOf": alternatives}


def _list(kinds: tuple[Any, ...], defs: dict[str, Schema]) -> Schema:
    if kinds[-1:] == (Ellipsis,):
        item = _schema(kinds[0], defs)
        return {"type": "array", **({"items": item} if item else {})}
    return {"type": "array", "prefixItems": [_schema(one, defs) for one in kinds],
            "minItems": len(kinds), "maxItems": len(kinds)}
