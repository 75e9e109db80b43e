"""Schemas of policy areas: which areas may be asked, what of it the server gives, and what is told of a bad input."""

import json
from typing import Any

import pytest

from evidence_api.domain.errors import InvalidSource, Malformed, NotFound
from evidence_api.engines.files import read_texts, shipped
from evidence_api.formats.askable_areas import GATES, AskableArea, askable_areas, find_area


def area(**schema: Any) -> AskableArea:  # noqa: ANN401  any schema
    return askable_areas({"one/input.schema.json": json.dumps({"type": "object", **schema})})["one"]


def test_the_shipped_areas_may_be_asked_and_the_server_s_own_gates_may_not() -> None:
    areas = askable_areas(read_texts(shipped("policy"), (".json",)))
    assert {"residency", "write_paths", "model_call", "dependencies", "marketplace", "rollout"} <= areas.keys()
    assert not GATES & areas.keys()
    assert areas["marketplace"].filled == {"at", "evidence"}


def test_only_schemas_beside_the_rules_of_an_area_count() -> None:
    schema = json.dumps({"type": "object"})
    files = dict.fromkeys(
        ("input.schema.json", "a/b/input.schema.json", "a/other.json", "trust/input.schema.json"), schema
    )
    assert askable_areas(files) == {}
    assert list(askable_areas(files | {"b/input.schema.json": schema, "a/input.schema.json": schema})) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "unexpected end"),
        ("[]", "of an object"),
        ('{"type": "array"}', "of an object"),
        ('{"type": "object", "properties": 3}', "not of type"),
        ('{"type": "object", "properties": {"a": {"pattern": "("}}}', "regex"),
        ('{"type": "object", "properties": {"a": {"$ref": "https://example.org/schema"}}}', "Retrieval is disabled"),
        ('{"type": "object", "properties": {"mood": {"readOnly": true}}}', "does not give 'mood'"),
        ('{"type": "object", "properties": {"evidence": {"readOnly": true}}}', "digest is required"),
    ],
)
def test_a_schema_that_is_none_does_not_load(text: str, said: str) -> None:
    with pytest.raises(InvalidSource) as caught:
        askable_areas({"one/input.schema.json": text})
    (fault,) = caught.value.faults
    assert fault.file == "one/input.schema.json"
    assert said in fault.message


def test_what_the_server_gives_is_neither_asked_for_nor_taken() -> None:
    one = area(properties={"at": {"readOnly": True}, "tenant": {"x-server": True}}, required=["at"])
    one.check({})
    for name in ("at", "tenant"):
        with pytest.raises(Malformed) as caught:
            one.check({name: "now"})
        assert (caught.value.code, caught.value.fields["path"]) == ("server_fills", name)


@pytest.mark.parametrize(
    ("asked", "path", "value", "limit"),
    [
        ({"n": 5}, "n", 5, 3),
        ({"n": True}, "n", True, None),
        ({"n": None}, "n", None, None),
        ({"list": [{}, {}]}, "list", "[{}, {}]", 1),
        ({"list": [{"k": "long"}]}, "list.0.k", "'long'", 2),
        ({"list": [{"other": 1}]}, "list.0.other", "{'other': 1}", None),
        ({"deep": {}}, "deep.k", "{}", None),
    ],
)
def test_a_bad_input_is_told_with_path_value_and_limit(
    asked: dict[str, Any], path: str, value: object, limit: int | None
) -> None:
    item = {"type": "object", "additionalProperties": False, "properties": {"k": {"type": "string", "maxLength": 2}}}
    one = area(
        properties={
            "n": {"type": "integer", "maximum": 3},
            "list": {"type": "array", "maxItems": 1, "items": item},
            "deep": {"type": "object", "required": ["k"]},
        }
    )
    with pytest.raises(Malformed) as caught:
        one.check(asked)
    fields = caught.value.fields
    assert caught.value.code == "invalid_input"
    assert (fields["path"], fields["value"], fields.get("limit")) == (path, value, limit)


def test_a_large_value_is_cut() -> None:
    with pytest.raises(Malformed) as caught:
        area(properties={"a": {"type": "integer"}}).check({"a": ["x" * 1000] * 1000})
    assert len(str(caught.value.fields["value"])) <= 120
    assert len(caught.value.message) < 300


def test_a_name_that_is_not_there_gets_the_nearest_and_the_list() -> None:
    areas = askable_areas({f"{name}/input.schema.json": '{"type": "object"}' for name in ("residency", "rollout")})
    with pytest.raises(NotFound) as caught:
        find_area(areas, "residence")
    assert (caught.value.fields["nearest"], caught.value.fields["areas"]) == ("residency", ["residency", "rollout"])
    with pytest.raises(NotFound) as caught:
        find_area(areas, "x" * 10_000)
    assert caught.value.fields["nearest"] is None
    assert len(caught.value.message) < 200
    with pytest.raises(NotFound, match="own gate"):
        find_area(areas, "admission")
