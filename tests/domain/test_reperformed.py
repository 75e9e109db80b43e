"""What the server found of decisions, shown in their rows: it adds facts, and taking it away never helps."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.decisions import DECISIONS, DEFERRABLE
from evidence_api.domain.decisions.reperforming import Reperformance
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.facts import Row, rows_of
from evidence_api.domain.kinds import kinds_touched_by
from evidence_api.domain.trust_state import TrustState, continued, step
from evidence_api.formats.reperformance import REPERFORMANCE_TYPE, reperformance_predicate
from tests.support import decisions, statements
from tests.support.catalogs import catalog_of, decide
from tests.support.evidence import erased, evidence_of, release_of
from tests.support.facts import assert_facts_fit

RELEASE = evidence_of(statements.release(), 0)
TRUST = DECISIONS["urn:evidence-api:trust-update:v1"]
ABOUT = release_of(RELEASE)
CATALOG = catalog_of(
    """
id: HOLDS
query: [{kind: trust, where: "disagreements==0 && continuous==true", per: occurrence}]
---
id: MOST
query: [{kind: trust, where: "reperformance!=disagrees", expect: {at_least: 2}}]
---
id: NOTHING
query: [{kind: trust, where: "!(disagreements > 0)"}]
---
id: UNSAID
query: [{kind: trust, where: "disagreements == null || disagreements == 0"}]
---
id: CHOSEN
query: [{kind: trust, population: {where: "continuous==true"}, where: "disagreements==0"}]
---
id: DRAWN
query: [{kind: trust, where: "disagreements==0", population: {sample: {size: 1, seed: release}}}]
---
id: TOLD
query: [{kind: reperformance, where: "reperformance==agrees"}]
"""
)


def update(leaf: int, arm: str, prior: tuple[float, float], *, verified: bool = True) -> Evidence:
    return evidence_of(decisions.trust_update(prior, arm=arm), leaf, verified=verified)


def result_of(prior: tuple[float, float], arm: str) -> Reperformance:
    """Of an update as the first of its ledger."""
    predicate = decisions.trust_update(prior, arm=arm)["predicate"]
    read = TRUST.read(predicate)
    return continued(TRUST.reperform(predicate), step(TrustState(arm, "{}"), read)[1])


def told(of: Evidence, leaf: int, result: Reperformance, *, verified: bool = True) -> Evidence:
    """The server's statement about a decision."""
    predicate = reperformance_predicate(of, result, {})
    document = statements.statement(REPERFORMANCE_TYPE, statements.ARTIFACT, predicate)
    return evidence_of(document, leaf, signer="evidence server", verified=verified)


def rows(*evidence: Evidence) -> tuple[Row, ...]:
    return rows_of(ABOUT, (RELEASE, *evidence))


def trust_row(*evidence: Evidence) -> Row:
    (row,) = (row for row in rows(*evidence) if row.kind == "trust")
    return row


def test_a_decision_says_nothing_of_its_reperformance_until_the_server_does() -> None:
    one = update(1, "small", (1, 1))
    before, statement = trust_row(one), told(one, 2, result_of((1, 1), "small"))
    assert before.facts.keys().isdisjoint({"reperformance", "disagreements", "differing", "continuous"})
    after = trust_row(one, statement)
    assert (after.facts["disagreements"], after.facts["continuous"], after.facts["reperformance"]) == (
        0,
        True,
        "agrees",
    )
    assert {path: after.facts[path] for path in before.facts} == before.facts
    assert after.evidence == (one.id, statement.id)
    assert (after.signer, after.received, after.effective) == (before.signer, before.received, before.effective)
    assert_facts_fit("trust", after.facts)


def test_its_own_row_shows_how_it_came_out_and_nothing_that_it_carries() -> None:
    one = update(1, "small", (3, 1))
    (row,) = (row for row in rows(one, told(one, 2, result_of((3, 1), "small"))) if row.kind == "reperformance")
    assert_facts_fit("reperformance", row.facts)
    assert dict(row.facts) == {
        "of": one.id,
        "kind": "trust",
        "reperformance": "disagrees",
        "disagreements": 1,
        "differing": ("prior",),
        "continuous": False,
    }


def test_a_later_statement_takes_the_place_of_the_first() -> None:
    one = update(1, "small", (1, 1))
    first = told(one, 2, result_of((1, 1), "small"))
    altered = replace(result_of((1, 1), "small"), facts={"reperformance": "not_reperformable"})
    second = evidence_of(
        statements.statement(
            REPERFORMANCE_TYPE,
            statements.ARTIFACT,
            {**reperformance_predicate(one, altered, {}, supersedes=first.id), "status": "NOT_REPERFORMABLE"},
        ),
        3,
    )
    assert trust_row(one, first, second).facts["reperformance"] == "not_reperformable"
    assert trust_row(one, first, second).evidence == (one.id, second.id)


def test_what_anybody_could_have_said_unsigned_is_not_shown() -> None:
    one = update(1, "small", (3, 1))
    forged = told(one, 2, result_of((1, 1), "small"), verified=False)
    assert trust_row(one, forged) == trust_row(one)


def test_a_statement_that_was_erased_withholds_the_decisions_row() -> None:
    one = update(1, "small", (1, 1))
    statement = told(one, 2, result_of((1, 1), "small"))
    row = trust_row(one, erased(statement))
    assert (row.withheld, row.facts, row.evidence) == (True, {}, (one.id, statement.id))


def test_a_decision_that_was_erased_shows_nothing_of_what_was_found() -> None:
    one = update(1, "small", (1, 1))
    row = trust_row(erased(one), told(one, 2, result_of((1, 1), "small")))
    assert (row.withheld, row.facts) == (True, {})


def test_every_kind_that_waits_for_the_server_is_assessed_again_when_it_has_spoken() -> None:
    assert {"trust", "placement", "ope"} <= DEFERRABLE
    assert kinds_touched_by("reperformance") == DEFERRABLE | {"reperformance", "attest"}
    assert kinds_touched_by("trust") == {"trust", "attest"}


@pytest.mark.parametrize("kind", sorted(DECISIONS))
def test_no_kind_that_tells_everything_by_itself_is_shown_anything(kind: str) -> None:
    one = DECISIONS[kind]
    assert one.may_be_deferred == (one.kind in DEFERRABLE)


CASE = st.fixed_dictionaries(
    {
        "prior": st.sampled_from([(1.0, 1.0), (2.0, 1.0), (1.0, 3.0)]),
        "verified": st.sampled_from([True, True, True, False]),
        "found": st.sampled_from(["", "agrees", "agrees", "disagrees"]),
        "found_verified": st.sampled_from([True, True, True, False]),
    }
)


def world(cases: list[dict[str, Any]]) -> list[Evidence]:
    """Updates of as many arms, and what was found of each, whatever it was."""
    made = []
    for number, case in enumerate(cases):
        one = update(2 * number + 1, f"arm-{number}", case["prior"], verified=case["verified"])
        made.append(one)
        if case["found"]:
            prior = (1.0, 1.0) if case["found"] == "agrees" else (5.0, 5.0)
            result = result_of(prior, f"arm-{number}")
            made.append(told(one, 2 * number + 2, result, verified=case["found_verified"]))
    return made


@settings(deadline=None, max_examples=60)
@given(st.lists(CASE, min_size=1, max_size=3), st.data())
def test_taking_evidence_away_never_makes_a_pass(cases: list[dict[str, Any]], data: st.DataObject) -> None:
    evidence = world(cases)
    chosen = data.draw(st.integers(0, len(evidence) - 1))
    gone = [erased(one) if index == chosen else one for index, one in enumerate(evidence)]
    before, after = decide(CATALOG, rows(*evidence), ABOUT), decide(CATALOG, rows(*gone), ABOUT)
    for control, answer in after.items():
        assert answer["outcome"] != "pass" or before[control]["outcome"] == "pass", control
    if evidence[chosen].kind == "reperformance":  # not there at all is no better than erased
        without = [one for index, one in enumerate(evidence) if index != chosen]
        fewer = decide(CATALOG, rows(*without), ABOUT)
        for control in ("HOLDS", "MOST", "NOTHING", "CHOSEN", "DRAWN"):
            assert fewer[control]["outcome"] != "pass" or before[control]["outcome"] == "pass", control


@settings(deadline=None, max_examples=60)
@given(st.lists(CASE, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_rows_fit_the_table_and_do_not_depend_on_the_order(cases: list[dict[str, Any]], random: Any) -> None:  # noqa: ANN401  drawn
    evidence = world(cases)
    found = rows(*evidence)
    for row in found:
        assert_facts_fit(row.kind, row.facts)
    mixed = list(evidence)
    random.shuffle(mixed)
    assert rows(*mixed) == found
