"""Rows to verdicts: what a finding says, waivers, criteria, incremental equals whole, and what always holds."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.assessment import Assessment, Finding, Outcome, due, fold
from evidence_api.domain.evidence import Fact
from evidence_api.domain.facts import Row
from evidence_api.domain.kinds import KINDS, FactType
from tests.support.catalogs import AT, DIGESTS, RELEASE, assess, catalog_of, decide, evidence_id, row, shipped_catalog
from tests.support.good_rows import GOOD

SC_5 = """\
id: IG-SC-5
fix: Repair the check.
query:
  - {kind: github_checks, where: required==pass}
  - {kind: opa, where: denies==0}
  - {kind: attest, where: provenance==verified && sbom.criticals==0}
"""
CHECKS = row("github_checks", {"required": "pass"}, number=1)
OPA = row("opa", {"denies": 0}, number=2, signer="key policy")
ATTEST = row("attest", {"provenance": "verified", "sbom.criticals": 0}, number=3)


def one(text: str, *rows: Row, at: datetime = AT) -> Finding:
    return assess(catalog_of(text), rows, at=at).findings[0]


def test_a_pass_says_why_and_links_the_evidence() -> None:
    found = one(SC_5, CHECKS, OPA, ATTEST)
    assert (found.outcome, found.raw, found.fix) == (Outcome.PASS, Outcome.PASS, "")
    assert found.evidence == tuple(evidence_id(number) for number in (1, 2, 3))
    assert found.because == (
        "Passed: github_checks: 1 of 1 satisfies required==pass (signed by key ci; of 2026-09-01T11:00:00Z; "
        "evidence sha256:000000000000); opa: 1 of 1 satisfies denies==0 (signed by key policy; "
        "of 2026-09-01T11:00:00Z; evidence sha256:000000000000); "
        "attest: 1 of 1 satisfies provenance==verified && sbom.criticals==0 "
        "(signed by key ci; of 2026-09-01T11:00:00Z; evidence sha256:000000000000)."
    )


def test_a_failure_names_the_values_and_carries_the_hint() -> None:
    bad = replace(ATTEST, facts={"provenance": "verified", "sbom.criticals": 3})
    found = one(SC_5, CHECKS, OPA, bad)
    assert (found.outcome, found.fix) == (Outcome.FAIL, "Repair the check.")
    assert "sbom.criticals is 3 in sha256:000000000000" in found.because
    assert "github_checks" not in found.because
    assert found.queries[2].failed == (evidence_id(3),)


def test_absence_is_missing_and_says_what_is_absent() -> None:
    unsaid = replace(ATTEST, facts={"provenance": "verified"})
    unverified = replace(OPA, verified=False)
    found = one(SC_5, CHECKS, unverified, unsaid)
    assert found.outcome is Outcome.MISSING
    assert "opa: no verified evidence of this kind; 1 unverified do not count" in found.because
    assert "attest: 1 of 1 does not say sbom.criticals" in found.because
    assert found.queries[1].unverified == (evidence_id(2),)
    assert found.queries[2].absent == ("sbom.criticals",)


def test_an_erased_body_is_missed() -> None:
    found = one(SC_5, CHECKS, OPA, replace(ATTEST, withheld=True))
    assert found.outcome is Outcome.MISSING
    assert "attest: 1 of 1 erased, so it cannot be tested" in found.because
    assert found.queries[2].withheld == (evidence_id(3),)


WAIVED = (
    SC_5
    + """\
---
id: W-1
control: IG-SC-5
reason: Only in the test image.
owner: x
approver: y
from: 2026-09-01
until: 2026-09-30
"""
)
FAILING = (CHECKS, OPA, replace(ATTEST, facts={"provenance": "verified", "sbom.criticals": 3}))


def test_a_waiver_keeps_the_raw_outcome_visible() -> None:
    found = one(WAIVED, *FAILING)
    assert (found.outcome, found.raw, found.waiver) == (Outcome.WAIVED, Outcome.FAIL, "W-1")
    assert found.because.startswith(
        "Waived until 2026-09-30 by W-1, approved by y, owned by x: Only in the test image."
    )
    assert "sbom.criticals is 3" in found.because
    assert found.fix


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 10, 1, tzinfo=UTC), "Waiver W-1 ended on 2026-09-30 and no longer counts."),
        (datetime(2026, 8, 31, 23, 59, tzinfo=UTC), "Waiver W-1 begins on 2026-09-01 and does not count yet."),
    ],
)
def test_a_waiver_out_of_its_time_is_reported_and_does_not_count(at: datetime, said: str) -> None:
    found = one(WAIVED, *FAILING, at=at)
    assert (found.outcome, found.waiver) == (Outcome.FAIL, "")
    assert found.because.endswith(said)


def test_the_last_day_of_a_waiver_counts_whole() -> None:
    assert one(WAIVED, *FAILING, at=datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)).outcome is Outcome.WAIVED


@pytest.mark.parametrize(
    ("scope", "outcome"),
    [
        ("payments", "waived"),
        ("payments@2.4.0", "waived"),
        (DIGESTS[1], "waived"),
        ("payments@2.4.1", "fail"),
        ("pay", "fail"),
    ],
)
def test_a_waiver_has_a_scope(scope: str, outcome: str) -> None:
    assert one(WAIVED + f"scope: '{scope}'\n", *FAILING).outcome == outcome


def test_a_waiver_of_a_control_that_passes_is_noted_as_not_needed() -> None:
    found = assess(catalog_of(WAIVED), (CHECKS, OPA, ATTEST))
    assert found.findings[0].outcome is Outcome.PASS
    assert found.notes == ("Waiver W-1 on IG-SC-5 is not needed: the outcome is pass without it.",)


def test_criteria_are_as_good_as_their_weakest_control() -> None:
    text = """\
controls:
  - {id: A, query: [{kind: opa, where: denies==0}]}
  - {id: B, query: [{kind: sbom, where: components>=1}]}
  - {id: N, query: [{kind: vulns, where: criticals==0, on_empty: {outcome: not_applicable, reason: r}}]}
mappings:
  - {external: own-1, maps_to: [A, N], narrative: n}
  - {external: own-2, maps_to: [A], narrative: n}
  - {external: own-2, maps_to: [B], narrative: n}
  - {external: own-3, maps_to: [N], narrative: n}
---
framework: own-rules
title: Own
edition: "1"
aliases: [own]
criteria: [{ref: "1", title: t}, {ref: "2", title: t}, {ref: "3", title: t}, {ref: "4", title: t}]
"""
    found = assess(catalog_of(text), [OPA])
    told = {result.ref: (str(result.outcome), result.controls, result.unmapped) for result in found.criteria}
    assert told == {
        "1": ("pass", ("A", "N"), False),
        "2": ("missing", ("A", "B"), False),
        "3": ("not_applicable", ("N",), False),
        "4": ("not_run", (), True),
    }
    assert (found.counts[Outcome.PASS], found.counts[Outcome.MISSING], found.counts[Outcome.STALE]) == (1, 1, 0)
    assert sum(found.counts.values()) == len(found.findings)


def test_a_control_the_engine_did_not_answer_is_an_error_and_no_waiver_helps() -> None:
    catalog = catalog_of(WAIVED)
    (found,) = fold(catalog, RELEASE, (), {}, tree_size=1, at=AT, policy_digest="p").findings
    assert (found.outcome, found.raw, found.code) == (Outcome.ERROR, Outcome.ERROR, "undecided")


RULED = "id: R\nfix: f\npolicy: data.x.decision\n"


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        ({"outcome": "pass", "because": "so", "facts": {"n": 1, "o": {"k": [1]}}}, "pass", ""),
        ({"outcome": "needs_review"}, "needs_review", ""),
        ({"outcome": "waived"}, "error", "policy_answer"),
        ({"outcome": "not_run"}, "error", "policy_answer"),
        ({"outcome": 3}, "error", "policy_answer"),
        ({}, "error", "policy_answer"),
        ("pass", "error", "policy_answer"),
    ],
)
def test_what_an_operators_rule_may_answer(answer: object, outcome: str, code: str) -> None:
    (found,) = fold(catalog_of(RULED), RELEASE, (OPA,), {"R": answer}, tree_size=1, at=AT, policy_digest="p").findings
    assert (found.outcome, found.code) == (outcome, code)
    if outcome == "pass":
        assert (found.because, dict(found.facts)) == ("so", {"n": 1, "o": '{"k":[1]}'})
        assert found.evidence == OPA.evidence


MIXED = """\
controls:
  - {id: A, query: [{kind: opa, where: denies==0}]}
  - {id: B, query: [{kind: sbom, where: components>=1}]}
  - {id: F, query: [{kind: sbom, where: components>=1, fresh: {max_age: P1D}}]}
  - {id: W, query: [{kind: sbom, where: components>=100}]}
waivers:
  - {id: W-1, control: W, reason: r, owner: x, approver: y, from: 2026-09-01, until: 2026-09-02}
"""


def test_what_is_due_is_what_reads_the_kind_and_what_time_alone_can_move() -> None:
    catalog = catalog_of(MIXED)
    before = assess(catalog, [OPA])
    assert due(catalog, {"A"}, before, "sha256:p") == frozenset({"A", "F", "W"})
    assert due(catalog, None, before, "sha256:p") is None
    assert due(catalog, {"A"}, None, "sha256:p") is None
    assert due(catalog, {"A"}, before, "sha256:another") is None
    assert due(catalog, {"A"}, replace(before, catalog_digest="sha256:another"), "sha256:p") is None
    assert due(catalog, {"A"}, replace(before, findings=before.findings[:1]), "sha256:p") == frozenset(
        {"A", "B", "F", "W"}
    )


def test_an_incremental_assessment_equals_a_whole_one() -> None:
    catalog = catalog_of(MIXED)
    rows = [OPA, row("sbom", {"components": 5}, number=8)]
    later = AT + timedelta(days=3)
    before = assess(catalog, rows)
    more = [*rows, row("opa", {"denies": 2}, number=9)]
    wanted = due(catalog, {"A"}, before, before.policy_digest)
    assert wanted is not None
    answer = {name: told for name, told in decide(catalog, more, at=later).items() if name in wanted}
    incremental = fold(
        catalog,
        RELEASE,
        more,
        answer,
        tree_size=9,
        at=later,
        policy_digest=before.policy_digest,
        only=wanted,
        previous=before,
    )
    assert incremental == assess(catalog, more, at=later)
    outcomes = {finding.control: str(finding.outcome) for finding in incremental.findings}
    assert outcomes == {"A": "fail", "B": "pass", "F": "stale", "W": "fail"}


# ----- What holds of the whole shipped catalog, whatever the evidence says -----

_VALUES: Mapping[FactType, st.SearchStrategy[Fact]] = {
    FactType.BOOLEAN: st.booleans(),
    FactType.NUMBER: st.sampled_from((0, 1, 6, 100)),
    FactType.WORD: st.sampled_from(("x", "git+https://example.test/a", "residency", "write_paths", "gitleaks")),
    FactType.TIME: st.just("2026-08-01T00:00:00Z"),
    FactType.DURATION: st.just(60),
    FactType.WORDS: st.sampled_from(
        ((), ("MIT",), ("AGPL-3.0-only",), ("*",), ("restore-drill", "secret-scan"), ("MFA_ENFORCED", "CODE_REVIEWED"))
    ),
}


@st.composite
def any_row(draw: st.DrawFn) -> Row:
    """A row of any kind: facts well-typed and often the good ones, any age, verified or not, withheld or not."""
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    facts: dict[str, Fact] = {}
    for path, fact in kind.facts.items():
        if draw(st.integers(0, 7)):
            words = (kind.words or {}).get(path)
            facts[path] = draw(st.sampled_from(words) if words else _VALUES[fact])
    return row(
        kind.name,
        facts,
        number=draw(st.integers(0, 10_000)),
        age=draw(st.sampled_from((None, timedelta(hours=1), timedelta(days=40), timedelta(days=400)))),
        subjects=draw(st.sampled_from((DIGESTS, DIGESTS[:1], ()))),
        verified=draw(st.sampled_from((True, True, True, False))),
        withheld=draw(st.sampled_from((False, False, False, False, True))),
    )


def passing(found: Assessment) -> set[str]:
    return {finding.control for finding in found.findings if finding.outcome is Outcome.PASS}


def test_every_shipped_control_can_pass() -> None:
    found = assess(shipped_catalog(), GOOD)
    assert {finding.control: finding.because for finding in found.findings if finding.outcome is not Outcome.PASS} == {}


def test_without_evidence_nothing_passes() -> None:
    found = assess(shipped_catalog(), ())
    assert {str(finding.outcome) for finding in found.findings} == {"missing", "not_applicable"}
    neutral = {finding.control: finding.because for finding in found.findings if finding.outcome == "not_applicable"}
    assert all("which is in order: " in because for because in neutral.values()), neutral


@settings(max_examples=40, deadline=None)
@given(st.lists(any_row(), max_size=6), st.integers(0, 2**30 - 1))
def test_withholding_evidence_never_makes_a_pass(rows: list[Row], chosen: int) -> None:
    everything = [*GOOD, *rows]
    withheld = [replace(one, withheld=True) if chosen >> at & 1 else one for at, one in enumerate(everything)]
    assert passing(assess(shipped_catalog(), withheld)) <= passing(assess(shipped_catalog(), everything))


@settings(max_examples=40, deadline=None)
@given(st.lists(any_row(), max_size=6), st.integers(0, 2**30 - 1))
def test_unverified_evidence_never_helps(rows: list[Row], chosen: int) -> None:
    everything = [*GOOD, *rows]
    verified = [one for at, one in enumerate(everything) if one.verified and not chosen >> at & 1]
    beside = [replace(one, verified=False) if chosen >> at & 1 else one for at, one in enumerate(everything)]
    alone, together = assess(shipped_catalog(), verified), assess(shipped_catalog(), beside)
    assert [finding.outcome for finding in alone.findings] == [finding.outcome for finding in together.findings]
    assert not passing(assess(shipped_catalog(), [replace(one, verified=False) for one in everything]))


@settings(max_examples=25, deadline=None)
@given(st.lists(any_row(), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(rows: list[Row], random: Random) -> None:
    everything = [*GOOD, *rows]
    shuffled = list(everything)
    random.shuffle(shuffled)
    first, second = assess(shipped_catalog(), everything), assess(shipped_catalog(), shuffled)
    assert [finding.outcome for finding in first.findings] == [finding.outcome for finding in second.findings]
    assert first.criteria == second.criteria
