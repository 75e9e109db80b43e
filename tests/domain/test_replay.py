"""What if, the pure part: who flips, whether that is a regression, and what is named as having moved it."""

from dataclasses import replace

import pytest

from evidence_api.domain.recheck import Grounds, Recheck
from evidence_api.domain.replay import (
    MOVABLE,
    Factor,
    Flip,
    Tally,
    evidence_for,
    explained,
    flips_of,
    rechecked,
    swaps,
    unearthed,
)
from evidence_api.domain.verdict import Finding, Outcome, QueryResult
from evidence_api.domain.verification import Failed, Unsigned, Unsupported, Verified
from tests.support import statements
from tests.support.evidence import EPOCH, erased, evidence_of

GROUNDS = Grounds("sha256:r", "sha256:t")
SBOM, TESTS = evidence_of(statements.sbom(), 1), evidence_of(statements.test_result(), 2)


def finding(control: str, outcome: Outcome, because: str = "So.") -> Finding:
    return Finding(control, outcome, outcome, because, "", (), ())


def flip(before: str, after: str, control: str = "A", release: str = "app@1") -> Flip:
    return Flip(release, control, before, after, "was", "now")


def test_only_what_changes_flips_with_both_sentences() -> None:
    before = [finding("A", Outcome.PASS, "Held."), finding("B", Outcome.FAIL), finding("GONE", Outcome.PASS)]
    after = [finding("NEW", Outcome.MISSING), finding("A", Outcome.FAIL, "Broke."), finding("B", Outcome.FAIL)]
    found = {one.control: (one.before, one.after, one.regression) for one in flips_of("app@1", before, after)}
    assert found == {
        "NEW": ("absent", "missing", False),
        "A": ("pass", "fail", True),
        "GONE": ("pass", "absent", True),
    }
    (held,) = [one for one in flips_of("app@1", before, after) if one.control == "A"]
    assert (held.release, held.was, held.now) == ("app@1", "Held.", "Broke.")


@pytest.mark.parametrize("before", list(Outcome))
@pytest.mark.parametrize("after", list(Outcome))
def test_a_regression_is_what_was_satisfied_and_no_longer_is(before: Outcome, after: Outcome) -> None:
    satisfied = {Outcome.PASS, Outcome.NOT_APPLICABLE}
    assert flip(before, after).regression is (before in satisfied and after not in satisfied)


def test_sets_of_factors_come_in_one_order() -> None:
    assert swaps({Factor.TIME, Factor.EVIDENCE}, 1) == (frozenset({Factor.EVIDENCE}), frozenset({Factor.TIME}))
    assert len(swaps(MOVABLE, 2)) == 15
    assert swaps({Factor.TIME}, 2) == ()


def test_every_set_of_a_size_that_gives_the_outcome_explains_it() -> None:
    single = {factor: frozenset({factor}) for factor in MOVABLE}
    trials = {
        single[Factor.TIME]: {"A": "stale"},
        single[Factor.CATALOG]: {"A": "pass"},
        single[Factor.EVIDENCE]: {"A": "stale"},
        frozenset({Factor.TIME, Factor.CATALOG}): {"A": "stale"},
    }
    assert explained(flip("pass", "stale"), trials, 1) == ((Factor.TIME,), (Factor.EVIDENCE,))
    assert explained(flip("pass", "stale"), trials, 2) == ((Factor.CATALOG, Factor.TIME),)
    assert explained(flip("pass", "absent", "B"), trials, 1)  # a control that none of them has
    assert explained(flip("pass", "fail"), trials, 1) == ()


def test_overrides_move_with_the_waivers_and_all_else_with_the_evidence() -> None:
    waiver = replace(TESTS, kind="override")
    old, new = (SBOM,), (SBOM, waiver, replace(TESTS, id="sha256:x", leaf_index=9))
    assert evidence_for(frozenset(), old, new) == old
    assert evidence_for(frozenset({Factor.WAIVER}), old, new) == (SBOM, waiver)
    assert evidence_for(frozenset({Factor.EVIDENCE}), old, new) == (SBOM, new[2])
    assert evidence_for(frozenset({Factor.EVIDENCE, Factor.WAIVER}), old, new) == new


def test_a_body_erased_since_counted_then_and_one_erased_before_did_not() -> None:
    query = QueryResult("", "sbom", "x", Outcome.MISSING, 1, 1, (), (), (), (), withheld=(SBOM.id,))
    before = [Finding("A", Outcome.MISSING, Outcome.MISSING, "", "", (query,), ())]
    assert unearthed(before, [erased(SBOM), erased(TESTS)]) == (erased(SBOM), TESTS)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("failed", Failed), ("unsupported", Unsupported), ("unsigned", Unsigned), ("verified", Verified)],
)
def test_the_newest_check_stands_in_for_what_was_recorded(status: str, expected: type) -> None:
    check = Recheck(1, EPOCH, GROUNDS, status, "some_code", "why", "somebody")
    recorded = replace(SBOM, verification=Unsupported("old") if status == "verified" else SBOM.verification)
    (found, other) = rechecked([recorded, TESTS], {1: check})
    assert isinstance(found.verification, expected)
    assert other is TESTS
    if isinstance(found.verification, Verified):
        assert found.verification.signer.label == "somebody"


def test_a_check_that_agrees_changes_nothing() -> None:
    assert rechecked([SBOM], {1: Recheck(1, EPOCH, GROUNDS, "verified", signer="key other")}) == (SBOM,)


def test_a_tally_is_bounded_and_shows_regressions_first() -> None:
    tally = Tally(most=3)
    for number in range(10):
        tally.add([flip("missing", "fail", "B", f"app@{number}"), flip("pass", "missing", "A", f"app@{number}")])
    tally.add([])
    assert (tally.replayed, tally.touched, len(tally.flips)) == (11, 10, 3)
    assert (tally.counts["flips"], tally.counts["regressions"]) == (20, 10)
    first, second = tally.worst_first()
    assert (first.example.control, first.count, first.releases) == ("A", 10, [f"app@{n}" for n in range(5)])
    assert second.example.control == "B"
