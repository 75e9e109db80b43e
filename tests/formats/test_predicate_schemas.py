"""Schemas take what readers take, and refuse what they refuse, as far as members and their types go."""

import copy
import json
import os
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from jsonschema_rs import Draft202012Validator, meta

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.errors import EvidenceError, Malformed
from evidence_api.domain.kinds import KINDS
from evidence_api.domain.typed_json import read_typed
from evidence_api.formats.dependency_debt import debt_predicate, derive_debt
from evidence_api.formats.drift_predicate import drift_predicate
from evidence_api.formats.predicate_schemas import CARD, PREDICATE_KINDS, Checked, kind_called, schema_of
from evidence_api.formats.predicates import READERS
from evidence_api.formats.reperformance import reperformance_predicate
from evidence_api.formats.reproducible_build import build_of, compare_builds, reproduction_predicate
from evidence_api.formats.sbom_drift import derive_drift
from evidence_api.formats.statement import read_statement
from tests.support import statements
from tests.support.conformance import ROOT
from tests.support.decision_examples import EXAMPLES, examples, kind_named
from tests.support.drifts import component, evidence_id, inventory
from tests.support.evidence import evidence_of

Place: TypeAlias = tuple[str | int, ...]
Predicate: TypeAlias = Mapping[str, Any]

ABSENT = object()
# Names that say all there is to say of a member, beside what is said of the object it is in.
PLAIN = {"canary", "control", "diffs", "episodes", "files", "good", "id", "mean", "metric", "name", "successes"} | {
    *("test", "total", "trials", "type", "user"),
}
OTHERS: tuple[Any, ...] = (ABSENT, None, True, 1.5, "word", [], {}, ["word"], [None], {"word": 1})


def _plain_examples() -> Iterator[tuple[str, Predicate]]:
    """Of the kinds without arithmetic."""
    yield "action", statements.action()["predicate"]
    yield "github-checks", statements.github_checks(conclusions=("success", None))["predicate"]
    yield "incident", statements.incident()["predicate"]
    yield "incident", statements.incident(status="open", resolved=None)["predicate"]
    yield "override", statements.override(scope="widget@1.0.0")["predicate"]
    yield "override", statements.override(rule="write_paths.outside", until="2026-03-01")["predicate"]
    yield "plugin-review", statements.plugin_review()["predicate"]
    yield "policy-decision", statements.policy_decision(reasons=("a", "b"))["predicate"]
    yield "release", statements.release()["predicate"]


def _derived_examples() -> Iterator[tuple[str, Predicate]]:
    """Of the kinds the server makes."""
    drift = derive_drift(inventory(component("lib"), name="before"), inventory(component("lib", "1.1.0")))
    yield "sbom-drift", drift_predicate(drift, supersedes=evidence_id("older"))
    released = {"pkg:npm/lib": {"1.1.0": date(2025, 1, 1), "2.0.0": date(2026, 1, 1)}}
    yield "dependency-debt", debt_predicate(derive_debt(inventory(component("lib", "1.1.0")), drift, released))
    builds = [statements.provenance(builder=f"https://example.org/{name}") for name in ("one", "other")]
    built = [build_of(read_statement(one), evidence_id(str(place))) for place, one in enumerate(builds)]
    (found,) = compare_builds([one for one in built if one is not None])
    yield "reproducible-build", reproduction_predicate(found)
    yield "reperformance", _reperformance()


def _reperformance() -> Predicate:
    result = kind_named("drift-watch").reperform({**examples("drift-watch")[0], "psi": 0.9})
    stand = {"a": 2.0, "b": 1.0}
    ledger = {"arm": "a", "context": "{}", "prior": stand, "posterior": stand}
    decision = evidence_of(statements.github_checks(), 1)
    return reperformance_predicate(decision, result, {"ledger": ledger}, supersedes=evidence_id("older"))


def _examples() -> list[tuple[str, Predicate]]:
    cards = [(CARD, one["card"]) for one in examples("router-decision")]
    decided = [(name, one) for name in EXAMPLES for one in examples(name)]
    every = [*decided, *cards, *_plain_examples(), *_derived_examples()]
    return [(name, json.loads(json.dumps(one))) for name, one in every]


@pytest.fixture(scope="module")
def validators() -> Mapping[str, Draft202012Validator]:
    return {
        name: Draft202012Validator(schema_of(kind), validate_formats=True) for name, kind in PREDICATE_KINDS.items()
    }


def test_every_kind_of_the_table_has_a_schema_and_an_example() -> None:
    assert {one.predicate_type for one in DECISIONS.values()} <= {
        one.predicate_type for one in PREDICATE_KINDS.values()
    }
    assert {name for name, _ in _examples()} == set(PREDICATE_KINDS)
    for kind in PREDICATE_KINDS.values():
        assert kind.name == CARD or (kind.predicate_type in READERS and kind.kind in KINDS)


@pytest.mark.parametrize("name", PREDICATE_KINDS)
def test_a_schema_is_one_and_says_what_it_is_of(name: str) -> None:
    schema = schema_of(PREDICATE_KINDS[name])
    assert meta.is_valid(schema)
    assert schema["$id"] == f"urn:evidence-api:schema:{name}:v1"
    assert schema["title"] == PREDICATE_KINDS[name].title
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("name", PREDICATE_KINDS)
def test_a_description_tells_a_producer_what_to_write_and_nothing_of_the_code(name: str) -> None:
    described = schema_of(PREDICATE_KINDS[name])["description"]
    assert 40 < len(described) < 3000
    assert described[0].isupper()
    assert not [one for one in (".py", ">>>", "-> kind", "Server-derived", " \n") if one in described]
    assert described == described.strip()


def _undescribed(schema: Mapping[str, Any]) -> Iterator[str]:
    parts = (schema, *schema.get("$defs", {}).values())
    for name, member in (pair for part in parts for pair in part.get("properties", {}).items()):
        said = (member, member.get("items", {}), *member.get("anyOf", ()))
        if not any("description" in one or "$ref" in one for one in said):
            yield name


@pytest.mark.parametrize("name", [*EXAMPLES, CARD])
def test_every_member_of_a_decision_is_described_or_says_it_all(name: str) -> None:
    assert set(_undescribed(schema_of(PREDICATE_KINDS[name]))) <= PLAIN


def _accepted(kind: str, predicate: Predicate) -> bool:
    try:
        read_typed(PREDICATE_KINDS[kind].model, predicate)
    except Malformed:
        return False
    return True


def _apart(kind: str, made: Predicate, *, valid: bool) -> bool:
    """Whether a schema says otherwise than the reader; it may refuse what is only found in deriving."""
    if valid or not _accepted(kind, made):
        return valid is not _accepted(kind, made)
    try:
        kind_named(kind).reperform(made)
    except Malformed:
        return False
    return True


def test_examples_are_taken_by_reader_and_schema(validators: Mapping[str, Draft202012Validator]) -> None:
    for name, predicate in _examples():
        assert _accepted(name, predicate), name
        assert list(validators[name].iter_errors(predicate)) == [], name


def _places(value: Any, at: Place = ()) -> Iterator[Place]:  # noqa: ANN401  JSON
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*at, name)
        yield from _places(one, (*at, name))


def _changed(predicate: Predicate) -> Iterator[tuple[Place, Any, Predicate]]:
    """At each place another type, or nothing; in each object one member more."""
    for place in _places(predicate):
        in_a_matrix = [type(step) for step in place[-2:]] == [int, int]  # a row of another length is no type
        for other in OTHERS[in_a_matrix:]:
            made = copy.deepcopy(dict(predicate))
            inside: Any = made
            for step in place[:-1]:
                inside = inside[step]
            if other is not ABSENT:
                inside[place[-1]] = other
            else:
                del inside[place[-1]]
            yield place, other, made
    yield (), "more", {**predicate, "more": 1}


@pytest.mark.parametrize("name", PREDICATE_KINDS)
def test_a_schema_refuses_what_the_reader_refuses(name: str, validators: Mapping[str, Draft202012Validator]) -> None:
    apart = [
        f"{'.'.join(map(str, place))} = {other!r}: {'' if _accepted(name, made) else 'not '}taken by the reader"
        for kind, predicate in _examples()
        if kind == name
        for place, other, made in _changed(predicate)
        if _apart(name, made, valid=validators[name].is_valid(made))
    ]
    assert apart == []


@pytest.mark.conformance
def test_schemas_take_every_shared_case(validators: Mapping[str, Draft202012Validator]) -> None:
    data = Path(os.environ.get("EVIDENCE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
    files = sorted((data.parent / "vectors").glob("*.json"))
    if not files:
        pytest.skip("the decision vectors are not here (set EVIDENCE_CONFORMANCE_DATA; they lie beside it)")
    wrong = [
        f"{case['case']}: {fault.message} at {fault.instance_path}"
        for file in files
        for case in json.loads(file.read_text())
        for fault in validators[kind_called(case["predicateType"]).name].iter_errors(case["predicate"])
    ]
    assert wrong == []


@pytest.mark.parametrize("word", ["rollout-gate", "rollout", "urn:evidence-api:rollout-gate:v1"])
def test_a_kind_goes_by_three_names(word: str) -> None:
    assert kind_called(word).name == "rollout-gate"


def test_names_that_catalogs_write_otherwise() -> None:
    assert kind_called("opa").name == kind_called("policy-decision").name == "policy-decision"
    assert kind_called("github_checks").name == "github-checks"
    assert kind_called(CARD).predicate_type == ""


@pytest.mark.parametrize(("word", "near"), [("rolout", "rollout"), ("trust-updates", "trust-update"), ("", None)])
def test_a_wrong_name_is_refused_with_the_nearest(word: str, near: str | None) -> None:
    with pytest.raises(EvidenceError) as refused:
        kind_called(word)
    assert refused.value.code == "no_such_kind"
    assert refused.value.fields["nearest"] == [] if near is None else near in refused.value.message


def test_what_becomes_of_claims() -> None:
    checked = {name: kind.checked for name, kind in PREDICATE_KINDS.items()}
    assert checked["drift-watch"] is Checked.REPERFORMED
    assert checked["trust-update"] is checked["placement"] is checked["ope-report"] is Checked.DEFERRED
    assert checked["incident"] is Checked.SCHEMA_ONLY
    assert checked["sbom-drift"] is Checked.DERIVED


def test_the_decision_card_has_what_the_planning_asks_for() -> None:
    schema = schema_of(kind_called(CARD))
    needed = {"taskId", "chosenArm", "predictedEval", "predictedCostUSD", "uncertainty", "rationale"}
    assert set(schema["required"]) == needed
    assert schema["properties"]["alternatives"]["anyOf"][0]["items"]["type"] == "string"
