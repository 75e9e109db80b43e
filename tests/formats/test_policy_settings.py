"""Settings that would be no limit at all, of the wrong type or misspelt, are refused when policies are loaded."""

import json

import orjson
import pytest

from evidence_api.domain.errors import InvalidSource
from evidence_api.engines.files import read_texts, shipped
from evidence_api.formats.policy_bundle import bundle_from_files
from evidence_api.formats.policy_settings import SETTINGS_SCHEMA

FILES = read_texts(shipped("policy"), (".rego", ".yaml", ".json"))
SHIPPED = orjson.loads(bundle_from_files(FILES).data)
FREEZE = {"from": "2026-12-20T00:00:00Z", "until": "2027-01-02T00:00:00Z", "products": ["checkout"]}


def faults(files: dict[str, str]) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidSource) as caught:
        bundle_from_files(files)
    return [(fault.file, fault.code, fault.message.partition(": ")[0]) for fault in caught.value.faults]


def given(area: str, settings: object) -> dict[str, str]:
    return {**FILES, "data.yaml": "", "data.json": json.dumps(SHIPPED | {area: settings})}


def test_every_area_with_settings_says_what_they_are() -> None:
    assert set(SHIPPED) == set(json.loads(FILES[SETTINGS_SCHEMA])["properties"])


@pytest.mark.parametrize("area", sorted(SHIPPED))
def test_settings_that_are_none_are_refused(area: str) -> None:
    """A key of which every line below it was commented out."""
    assert faults(given(area, None)) == [("data.json", "policy_setting", f"data.{area}")]


@pytest.mark.parametrize(
    ("area", "settings", "path"),
    [
        ("admission", {"refuse_found": "secret"}, "refuse_found"),
        ("admission", {"refuse_found": ["secrets"]}, "refuse_found.0"),
        ("admission", {"refuse_fund": ["secret"]}, ""),
        ("authorisation", {"actions": {"policy:read": "policy:read"}}, "actions.policy:read"),
        ("dependencies", {"denied": "pkg:npm/event-stream"}, "denied"),
        ("dependencies", {"denied": [5]}, "denied.0"),
        ("dependencies", {"scopes": {"runtime": "High"}}, "scopes.runtime"),
        ("dependencies", {"min_age_days": None}, "min_age_days"),
        ("export", {"may_leave": {"email": True}}, "may_leave"),
        ("marketplace", {"max_score": "50"}, "max_score"),
        ("marketplace", {"sbom_max_age_days": "90"}, "sbom_max_age_days"),
        ("marketplace", {"weights": {"no_sbom": "30"}}, "weights.no_sbom"),
        ("marketplace", {"weights": {"other_permission": -5}}, "weights.other_permission"),
        ("model_call", {"models": ["*"], "tokens_per_call": "100"}, "tokens_per_call"),
        ("model_call", {"tenants": {"acme": {"model": ["small-1"]}}}, "tenants.acme"),
        ("override", {"never": "IG-*"}, "never"),
        ("residency", {"regions": {"EU": "eu-west"}}, "regions.EU"),
        ("residency", {"regions": {"eu": ["eu-west"]}}, "regions"),
        ("residency", {"members": {"EU": ["de"]}}, "members.EU.0"),
        ("residency", {"classes": {"Restricted": ["eu-west"]}}, "classes"),
        ("residency", {"closed": ["us-east "]}, "closed.0"),
        ("rollout", {"freezes": [FREEZE | {"products": "checkout"}]}, "freezes.0.products"),
        ("rollout", {"freezes": [{"until": FREEZE["until"]}]}, "freezes.0"),
        ("rollout", {"freezes": [FREEZE | {"until": "2027-01-02T00:00:00+02:00"}]}, "freezes.0.until"),
        ("rollout", {"max_incidents_open": "0"}, "max_incidents_open"),
        ("rollout", {"stages": [{"name": "canary"}]}, "stages.0"),
        ("write_paths", {"allowed": "server/"}, "allowed"),
    ],
)
def test_a_setting_of_the_wrong_type_is_refused(area: str, settings: object, path: str) -> None:
    named = f"data.{area}.{path}" if path else f"data.{area}"
    assert faults(given(area, settings)) == [("data.json", "policy_setting", named)]


@pytest.mark.parametrize(
    ("area", "settings"),
    [
        ("dependencies", {}),
        ("marketplace", {"reviewers": ["key r"], "weights": {"incident": {"low": 1}, "permission": {"net*": 2.5}}}),
        ("model_call", {"models": ["*"], "tenants": {"acme": {"models": ["small-*"], "tokens_per_call": 10}}}),
        (
            "residency",
            {"regions": {"EU": ["eu-west"], "CH": [], "Nordics": ["eu-north"]}, "classes": {"top secret": []}},
        ),
        ("rollout", {"freezes": [FREEZE]}),
    ],
)
def test_settings_as_they_may_be_are_taken(area: str, settings: object) -> None:
    assert orjson.loads(bundle_from_files(given(area, settings)).data)[area] == settings


def test_a_schema_that_is_none_is_a_fault_of_its_own() -> None:
    files = {"a/a.rego": "package a\n", "data.yaml": "a: 1", "b/data.schema.json": "{"}
    assert bundle_from_files(files).data == b'{"a":1}'
    assert faults({**files, SETTINGS_SCHEMA: "{"}) == [(SETTINGS_SCHEMA, "syntax", "unexpected end of data")]
    assert [one[:2] for one in faults({**files, SETTINGS_SCHEMA: '{"type": "nothing"}'})] == [
        (SETTINGS_SCHEMA, "settings_schema")
    ]
    assert faults({**files, SETTINGS_SCHEMA: '{"required": ["b"]}'}) == [(SETTINGS_SCHEMA, "policy_setting", "data")]
