"""Dataclasses as JSON and back: every form, and what the reader does not take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import numpy as np
import pytest

from neurocompile.report.plain import Key, from_json, plain, to_json
from neurocompile.report.schema import Count, Facet, document_schema, schema_file


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part."""

    amount: Annotated[Count, Key("used")]  # how much
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A whole of
    parts."""

    schema: Literal["neurocompile/whole/3"] = "neurocompile/whole/3"
    name: Annotated[str, Facet("minLength", 1)]  # what it is called
    share: float
    exact: bool
    level: Literal["low", "high"] | int
    rate: float | None
    span: tuple[tuple[int, float], ...]
    parts: Mapping[str, Part]
    rest: Mapping[str, Any]
    part: Part | None = None
    note: Annotated[str | None, Key("told")] = None


VALUE = Whole(name="a", share=0.5, exact=True, level="low", rate=None, span=((1, 2.0),),
              parts={"b": Part(amount=3, shape=(1, 2))}, rest={"x": [1, None]})
JSON = {"schema": "neurocompile/whole/3", "name": "a", "share": 0.5, "exact": True, "level": "low",
        "rate": None, "span": [[1, 2.0]], "parts": {"b": {"used": 3, "shape": [1, 2]}},
        "rest": {"x": [1, None]}}


def test_to_json_and_back() -> None:
    assert to_json(VALUE) == JSON
    assert from_json(Whole, json.loads(json.dumps(JSON))) == VALUE
    full = {**JSON, "part": {"used": 1, "shape": []}, "told": "so", "level": 4, "rate": 1}
    again = from_json(Whole, full)
    assert (again.part, again.note, again.level, again.rate) == (
        Part(amount=1, shape=()), "so", 4, 1.0)
    assert to_json(again) == full


@pytest.mark.parametrize(("change", "reason"), [
    ({"name": 3}, "`name` is not text: 3"),
    ({"share": "0.5"}, "`share` is not a number: '0.5'"),
    ({"share": True}, "`share` is not a number: True"),
    ({"exact": 1}, "`exact` is not true or false: 1"),
    ({"level": "middle"}, "`level` is not a whole number: 'middle'"),
    ({"level": 1.0}, "`level` is not a whole number: 1.0"),
    ({"span": [[1]]}, "`span[0]` is not a list of 2: [1]"),
    ({"span": {}}, "`span` is not a list: {}"),
    ({"parts": []}, "`parts` is not an object: []"),
    ({"parts": {"b": {"shape": []}}}, "`parts.b.used` is missing"),
    ({"parts": {"b": {"used": 3, "shape": [1, None]}}},
     "`parts.b.shape[1]` is not a whole number: None"),
    ({"part": []}, "`part` is not an object: []"),
    ({"schema": "neurocompile/whole/4"},
     "`schema` is not one of 'neurocompile/whole/3': 'neurocompile/whole/4'"),
    ({"extra": 1}, "`extra` is not known"),
    ({"note": "its key is another"}, "`note` is not known"),
])
def test_another_form_is_refused_with_its_place(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 all of the message is compared
        from_json(Whole, {**JSON, **change})
    assert str(error.value) == reason


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_no_object_at_all(value: object) -> None:
    with pytest.raises(ValueError, match="`all of it` is not an object"):
        from_json(Whole, value)


def test_a_type_without_a_form_is_our_mistake() -> None:
    @dataclass(frozen=True)
    class Odd:
        values: set[int]

    with pytest.raises(TypeError, match="no form in JSON"):
        from_json(Odd, {"values": []})


def test_the_schema_says_the_same() -> None:
    schema = document_schema(Whole)
    assert schema_file(Whole) == "whole-3.json"
    assert schema["$id"] == "urn:neurocompile:schema:whole:3"
    assert schema["description"] == "A whole of parts."
    assert schema["required"] == ["schema", "name", "share", "exact", "level", "rate", "span",
                                  "parts", "rest"]
    properties = schema["properties"]
    assert properties["schema"] == {"const": "neurocompile/whole/3"}
    assert properties["name"] == {"type": "string", "minLength": 1,
                                  "description": "what it is called"}
    assert properties["rate"] == {"type": ["number", "null"]}
    assert properties["told"] == {"type": "string"}
    assert properties["part"] == {"$ref": "#/$defs/Part"}
    assert schema["$defs"]["Part"]["properties"]["used"] == {
        "type": "integer", "minimum": 0, "description": "how much"}
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(JSON, schema)
    jsonschema.validate({**JSON, "new": "keys keep the number"}, schema)
    for change in ({"name": ""}, {"span": [[1]]}, {"parts": {"b": {"used": -1, "shape": []}}},
                   {"told": None}, {"level": "middle"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**JSON, **change}, schema)


def test_what_others_make_is_named_in_the_schema() -> None:
    schema = document_schema(Whole, {"rest": {"x": Part}})
    assert schema["properties"]["rest"]["properties"] == {"x": {"$ref": "#/$defs/Part"}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**JSON, "rest": {"x": 1}}, schema)
    jsonschema.validate({**JSON, "rest": {"y": 1}}, schema)


def test_any_value_as_plain_data() -> None:
    values = {"b": np.int64(3), "a": (1, float("nan")), "c": {2, 1}, "d": Path("x/y"),
              "e": np.zeros(2), "f": None, "g": np.bool_(True), 5: object}
    assert plain(values) == {"5": "<class 'object'>", "a": [1, "nan"], "b": 3, "c": [1, 2],
                             "d": "x/y", "e": [0.0, 0.0], "f": None, "g": True}
