"""What the server found of a decision, as it states it and reads it back."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.reperforming import Difference, Fact, Reperformance, Status
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.kinds import KINDS
from evidence_api.formats.predicates import normalise
from evidence_api.formats.reperformance import (
    MAX_DIFFERENCES,
    MAX_VALUE,
    REPERFORMANCE_TYPE,
    bounded,
    reperformance_predicate,
)
from evidence_api.formats.statement import read_statement
from tests.support import decisions, statements
from tests.support.evidence import evidence_of
from tests.support.facts import assert_facts_fit

UPDATE = evidence_of(decisions.trust_update((1, 1), mean=0.9), 3)
FOUND = DECISIONS["urn:evidence-api:trust-update:v1"].reperform(decisions.trust_update((1, 1), mean=0.9)["predicate"])
LEDGER = {"arm": "impl@small", "context": "{}", "prior": {"a": 1, "b": 1}, "posterior": {"a": 2, "b": 1}}
GROUNDS = {"ledger": LEDGER, "artifact": digest_of(b"a"), "policyBundle": digest_of(b"p")}
PREDICATE = reperformance_predicate(UPDATE, FOUND, GROUNDS, supersedes=digest_of(b"older"))


def read(predicate: dict[str, Any]) -> Normalised:
    """Through JSON, as it is stored."""
    document = statements.statement(REPERFORMANCE_TYPE, statements.ARTIFACT, predicate)
    return normalise(read_statement(json.loads(json.dumps(document))), 1)


def test_it_states_every_fact_of_its_kind_and_carries_the_decisions() -> None:
    facts = {**PREDICATE["facts"], "continuous": True}
    found = read({**PREDICATE, "facts": facts})
    own = {path: fact for path, fact in found.facts.items() if not path.startswith("decision.")}
    assert set(own) == set(KINDS["reperformance"].facts)
    assert_facts_fit("reperformance", own)
    carried = {path.removeprefix("decision."): fact for path, fact in found.facts.items() if path not in own}
    assert_facts_fit("trust", carried)
    assert (carried["disagreements"], carried["differing"], carried["producer"]) == (1, ("mean",), "maestro")
    assert (found.kind, found.series, found.effective) == ("reperformance", UPDATE.id, UPDATE.received)


def test_the_same_result_is_the_same_statement_whenever_it_is_found() -> None:
    again = reperformance_predicate(
        UPDATE, replace(FOUND), dict(reversed(GROUNDS.items())), supersedes=digest_of(b"older")
    )
    assert canonical(again) == canonical(PREDICATE)
    assert PREDICATE["decidedAt"] == "2026-01-01T00:03:00Z"


@pytest.mark.parametrize(
    ("altered", "path"),
    [
        ({"of": "sha256:1"}, "predicate.of"),
        ({"status": "FINE"}, "predicate.status"),
        ({"more": 1}, "predicate.more"),
        ({"status": "AGREES"}, "predicate.differences"),
        ({"differences": []}, "predicate.differences"),
        ({"facts": {"reperformance": "agrees"}}, "predicate.facts.reperformance"),
        ({"facts": {"reperformance": {"a": 1}}}, "predicate.facts.reperformance"),
        ({"grounds": {"clock": 1}}, "predicate.grounds.clock"),
        ({"differences": [PREDICATE["differences"][0]] * (MAX_DIFFERENCES + 1)}, "predicate.differences"),
        ({"decidedAt": "yesterday"}, "predicate.decidedAt"),
    ],
)
def test_what_does_not_hold_together_is_refused(altered: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        read({**PREDICATE, **altered})
    assert str(refused.value.fields["path"]).startswith(path)


def test_what_could_not_be_reperformed_has_no_count_of_disagreements() -> None:
    lacking = Reperformance(Status.NOT_REPERFORMABLE, "not here", facts={"reperformance": "not_reperformable"})
    found = read(reperformance_predicate(UPDATE, lacking, {}))
    assert found.facts["reperformance"] == "not_reperformable"
    assert found.facts.keys().isdisjoint({"disagreements", "differing", "continuous"})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (0.5, 0.5),
        (True, True),
        (Decimal("1.10"), "1.10"),
        (2**53 - 1, 2**53 - 1),
        (10**30, "1" + "0" * 30),
        (-(2**60), str(-(2**60))),
        (["a", {"b": Decimal(2)}], ["a", {"b": "2"}]),
    ],
)
def test_values_are_told_as_json(value: Any, told: Any) -> None:  # noqa: ANN401  JSON
    assert bounded(value) == told
    canonical(bounded(value))


def test_long_values_and_long_lists_of_differences_are_bounded() -> None:
    long = bounded(["word"] * 10_000)
    assert long.startswith('["word","word"')
    assert long.endswith("(70001 bytes)")
    assert len(bounded("é" * 5_000).encode()) <= MAX_VALUE
    many = tuple(Difference(f"rows.{number}", 1, 2) for number in range(MAX_DIFFERENCES + 5))
    facts: dict[str, Fact] = {
        "reperformance": "disagrees",
        "disagreements": len(many),
        "differing": tuple(one.path for one in many),
    }
    found = replace(FOUND, differences=many, facts=facts)
    predicate = reperformance_predicate(UPDATE, found, {})
    assert len(predicate["differences"]) == MAX_DIFFERENCES
    assert read(predicate).facts["disagreements"] == MAX_DIFFERENCES + 5
