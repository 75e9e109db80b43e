"""The JSON Schema of catalogs: it lists what the readers read, and every shipped file is valid by it."""

import re
from collections.abc import Iterator, Mapping

import jsonschema_rs
import pytest

from evidence_api.domain.errors import InvalidSource
from evidence_api.domain.kinds import COMMON, KINDS
from evidence_api.engines.files import read_texts
from evidence_api.formats import catalog_keys as keys
from evidence_api.formats import catalog_shapes as shapes
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.catalog_schema import DIALECT, catalog_schema
from tests.support.catalogs import CONTROLS
from tests.support.yaml12 import plain_documents

SCHEMA = dict(catalog_schema())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
README = re.findall(r"```yaml\n(.*?)```", (CONTROLS / "README.md").read_text(), re.DOTALL)


def every_shape() -> Iterator[keys.Shape]:
    """Every shape of the tables, those within others too."""
    seen: dict[str, keys.Shape] = {}
    waiting = [shapes.CONTROL, shapes.FRAMEWORK, shapes.MAPPING, shapes.WAIVER, shapes.CATALOG]
    while waiting:
        shape = waiting.pop()
        if shape.name in seen:
            continue
        seen[shape.name] = shape
        for key in shape.keys.values():
            reads = key.reads.item if isinstance(key.reads, keys.ListOf) else key.reads
            if isinstance(reads, keys.Nested | keys.Either):
                waiting.append(reads.shape)
    yield from seen.values()


SHAPES = {shape.name: shape for shape in every_shape()}


def test_it_is_a_schema_of_its_dialect() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["$schema"] == DIALECT


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_key_of_the_tables_is_listed_with_its_meaning(name: str) -> None:
    made = SCHEMA["$defs"][name.replace(" ", "_")]
    assert list(made["properties"]) == list(SHAPES[name].keys)
    assert made["additionalProperties"] is False
    assert all(made["properties"][key]["description"].startswith(row.doc) for key, row in SHAPES[name].keys.items())


@pytest.mark.parametrize("name", sorted(read_texts(CONTROLS, (".yaml",))))
def test_every_shipped_file_is_valid(name: str) -> None:
    for document in plain_documents(read_texts(CONTROLS, (".yaml",))[name]):
        VALIDATOR.validate(document)


def test_the_examples_of_the_page_are_valid() -> None:
    for example in README:
        for document in plain_documents(example):
            VALIDATOR.validate(document)


# One document of each kind with every key it may have, from the examples of the tables.
def written(shape: keys.Shape, without: frozenset[str] = frozenset()) -> str:
    return "".join(f"{name}: {key.example}\n" for name, key in shape.keys.items() if name not in without)


FULL: Mapping[str, str] = {
    "control": written(shapes.CONTROL, frozenset({"policy", "query", "replaced_by"}))
    + "query:\n  - "
    + written(shapes.QUERY, frozenset({"population"})).replace("\n", "\n    ").rstrip()
    + "\n    population: {sample: {size: 25, seed: release}}\n",
    "rule": written(shapes.CONTROL, frozenset({"query", "replaced_by", "id"})) + "id: IG-R-1\n",
    "mapping": written(shapes.MAPPING, frozenset({"maps_to", "framework", "external"}))
    + "external: own-1\nmaps_to: [IG-SC-5, {control: IG-R-1, coverage: partial, note: n}]\n"
    + "framework: {id: aicpa-tsc, ref: CC7.2, edition: e}\n",
    "framework": written(shapes.FRAMEWORK, frozenset({"criteria", "edition"}))
    + "edition: e\ncriteria: [{ref: CC7.2, title: t, text: x}]\n",
    "waiver": written(shapes.WAIVER, frozenset({"control", "scope"})) + "control: IG-SC-5\nscope: {release: p@1}\n",
    "names": "catalog: {id: ig, version: 2026.09.1}\n",
}


def test_every_key_listed_is_read() -> None:
    """All of them in one catalog: it loads, and each document is valid."""
    catalog = load_catalog({"all.yaml": "---\n".join(FULL.values())})
    assert (len(catalog.controls), len(catalog.mappings), len(catalog.waivers)) == (2, 1, 1)
    assert (catalog.name, catalog.version) == ("ig", "2026.09.1")
    mapping = catalog.mappings[0]
    assert (mapping.framework, mapping.ref, mapping.notes) == ("aicpa-tsc", "CC7.2", (("IG-R-1", "n"),))
    assert (mapping.also_known_as, mapping.text) == (("CC7.2-POF1",), "own")
    assert mapping.reviewed is not None
    assert (mapping.reviewed.by, mapping.reviewed.on.isoformat()) == ("j.doe", "2026-09-01")
    assert catalog.controls[0].reviewed == mapping.reviewed
    for text in FULL.values():
        (document,) = plain_documents(text)
        VALIDATOR.validate(document)


@pytest.mark.parametrize("name", sorted(FULL))
def test_a_key_that_is_not_listed_is_neither_read_nor_valid(name: str) -> None:
    texts = {**FULL, name: FULL[name] + "unheard_of: 1\n"}
    with pytest.raises(InvalidSource) as caught:
        load_catalog({"all.yaml": "---\n".join(texts.values())})
    assert [fault.code for fault in caught.value.faults] == ["unknown_key"]
    (document,) = plain_documents(texts[name])
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_editors_are_told_the_facts_of_each_kind_and_examples_that_load(kind: str) -> None:
    told = SCHEMA["$defs"][f"where_of_{kind}"]
    rows = SCHEMA["$defs"]["query"]["allOf"]
    (then,) = [row["then"] for row in rows if row["if"]["properties"]["kind"]["const"] == kind]
    where = then["properties"]["where"]
    assert where == then["properties"]["population"]["properties"]["where"] == {"$ref": f"#/$defs/where_of_{kind}"}
    assert all(f"{path} (" in told["description"] for path in (*KINDS[kind].facts, *COMMON))
    queries = "".join(f"- {{kind: {kind}, where: '{example}'}}\n" for example in told["examples"][:60])
    assert load_catalog({"x.yaml": f"id: A\nquery:\n{queries}"}).controls
    listed = [row["const"] for row in SCHEMA["$defs"]["query"]["properties"]["kind"]["anyOf"]]
    assert listed == list(KINDS)
