"""OSCAL documents and catalogs: models, controls at every depth, labels, and each refusal with its JSON path."""

from typing import Any

import pytest

from evidence_api.domain.errors import EvidenceError, Malformed, TooLarge
from evidence_api.formats import oscal_catalog, oscal_document
from evidence_api.formats.oscal_catalog import read_catalog
from evidence_api.formats.oscal_document import MODELS, read_document
from tests.support.oscal import UUIDS, body, catalog, control, document, profile, prop, read

NESTED = catalog(
    control("top"),
    groups=[
        {
            "id": "a",
            "title": "Access *\n control*",
            "controls": [control("a-1", controls=[control("a-1.1", controls=[control("a-1.1.1")])]), control("a-2")],
            "groups": [{"title": "Doors", "controls": [control("d-1")], "params": [{"id": "p-d"}]}],
        }
    ],
    params=[{"id": "p-top"}],
)


def refusal(made: Any) -> EvidenceError:  # noqa: ANN401  any JSON
    with pytest.raises(EvidenceError) as caught:
        read_catalog(read(made))
    return caught.value


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_recognised(model: str) -> None:
    found = read(document(model, UUIDS[3]) | {"$schema": "https://example.com/schema.json"})
    assert (found.model, found.uuid, found.version, found.oscal_version) == (model, UUIDS[3], "1.0", "1.1.2")
    assert found.title == f"Some {model}"


def test_controls_of_every_depth_in_the_order_of_the_document() -> None:
    found = read_catalog(read(NESTED))
    assert [one.id for one in found.controls] == ["top", "a-1", "a-1.1", "a-1.1.1", "a-2", "d-1"]
    assert [one.parent for one in found.controls] == ["", "", "a-1", "a-1.1", "", ""]
    assert [one.groups for one in found.controls][1::4] == [
        ("Access * control*",),
        ("Access * control*", "Doors"),
    ]
    assert set(found.params) == {"p-top", "p-d"}


@pytest.mark.parametrize(
    ("props", "label", "withdrawn"),
    [
        ([], "", False),
        ([prop("label", "AC-01", **{"class": "zero-padded"}), prop("label", "AC-1 (2)")], "AC-1(2)", False),
        ([prop("label", "AC-01", **{"class": "zero-padded"})], "", False),
        (
            [prop("label", "other", ns="https://example.com/ns"), prop("status", "withdrawn", ns="https://x.test")],
            "",
            False,
        ),
        ([prop("status", "Withdrawn")], "", True),
        ([prop("status", "withdrawn", ns="http://csrc.nist.gov/ns/oscal")], "", True),
        ([prop("status", "active")], "", False),
    ],
)
def test_labels_and_withdrawn_controls(props: list[dict[str, str]], label: str, withdrawn: bool) -> None:  # noqa: FBT001  a row of the table
    (found,) = read_catalog(read(catalog(control("a", props=props)))).controls
    assert (found.label, found.withdrawn) == (label, withdrawn)


@pytest.mark.parametrize(
    ("made", "code", "path"),
    [
        ({}, "malformed", "$"),
        ({"catalogue": {}}, "malformed", "$"),
        (catalog() | profile(), "malformed", "$"),
        ({"catalog": []}, "malformed", "$.catalog"),
        ({"catalog": {"uuid": UUIDS[0]}}, "malformed", "$.catalog.metadata"),
        (catalog(uuid="4711"), "malformed", "$.catalog.uuid"),
        (profile(), "unsupported", "$.profile"),
        (catalog(control("a"), control("a")), "duplicate_id", "$.catalog.controls[1].id"),
        (catalog(control("a", controls=[control("a")])), "duplicate_id", "$.catalog.controls[0].controls[0].id"),
        (catalog(control("1.1")), "malformed", "$.catalog.controls[0].id"),
        (catalog(control("a b")), "malformed", "$.catalog.controls[0].id"),
        (catalog({"id": "a"}), "malformed", "$.catalog.controls[0].title"),
        (catalog(control("a", " \n")), "malformed", "$.catalog.controls[0].title"),
        (catalog(groups=[{"controls": []}]), "malformed", "$.catalog.groups[0].title"),
        (catalog(groups={"title": "t"}), "malformed", "$.catalog.groups"),
        (catalog(groups=["t"]), "malformed", "$.catalog.groups[0]"),
        (catalog(control("a", params=[{"label": "x"}])), "malformed", "$.catalog.controls[0].params[0].id"),
    ],
)
def test_refusals_name_the_place(made: dict[str, Any], code: str, path: str) -> None:
    fault = refusal(made)
    assert (fault.code, fault.fields["path"]) == (code, path)


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("oscal-version", "2.0.0", "unsupported_version"),
        ("oscal-version", "1.1", None),
        ("oscal-version", "1.0.0-rc2", None),
        ("last-modified", "yesterday", "malformed"),
        ("title", "", "malformed"),
        ("version", 1, "malformed"),
    ],
)
def test_metadata(member: str, value: object, code: str | None) -> None:
    made = catalog(control("a"))
    made["catalog"]["metadata"][member] = value
    if code is None:
        assert read_catalog(read(made)).controls
    else:
        fault = refusal(made)
        assert (fault.code, fault.fields["path"]) == (code, f"$.catalog.metadata.{member}")


def test_bounds_say_limit_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oscal_catalog, "MAX_CONTROLS", 2)
    fault = refusal(catalog(control("a"), control("b"), control("c")))
    assert isinstance(fault, TooLarge)
    assert (fault.fields["limit"], fault.fields["value"], fault.fields["path"]) == (2, 3, "$.catalog.controls[2]")
    monkeypatch.setattr(oscal_document, "MAX_BYTES", 20)
    with pytest.raises(TooLarge) as caught:
        read_document(body(catalog()))
    assert caught.value.fields["limit"] == 20


def test_repeated_keys_are_refused() -> None:
    with pytest.raises(Malformed):
        read_document(b'{"catalog": {"uuid": "a", "uuid": "b"}}')
