"""Waivers of the catalog and of override evidence: when they count, what is said of them, what they can never do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.assessment import Assessment, due, fold
from evidence_api.domain.control import Catalog, Waiver
from evidence_api.domain.facts import Row
from evidence_api.domain.verdict import Finding, Outcome
from evidence_api.domain.waiver import begins, days_left, ends, overrides_of, same_person, turns, waiver_of
from tests.support.catalogs import AT, DIGESTS, RELEASE, assess, catalog_of, decide, evidence_id, row, shipped_catalog

ONE = """\
id: IG-ONE
fix: Repair it.
query: [{kind: github_checks, where: required==pass}]
"""
CATALOG = catalog_of(ONE)
FAILED = row("github_checks", {"required": "fail"}, number=1)
PASSED = row("github_checks", {"required": "pass"}, number=1)
SHORT = "sha256:000000000000"
BASE = {
    "control": "IG-ONE",
    "reason": "Only in the test image.",
    "owner": "o.wner",
    "requester": "r.equester",
    "approver": "a.pprover",
    "from": "2026-08-01T00:00:00Z",
    "until": "2026-12-01T00:00:00Z",
}


def override(number: int = 9, *, leave_out: str = "", **facts: Any) -> Row:  # noqa: ANN401  any fact, of any type
    said = {name: fact for name, fact in {**BASE, **facts}.items() if name != leave_out}
    return row("override", {name.rstrip("_"): fact for name, fact in said.items()}, number=number)


def one(*rows: Row, at: datetime = AT, catalog: Catalog = CATALOG) -> Finding:
    return assess(catalog, rows, at=at).findings[0]


def notes(*rows: Row, at: datetime = AT, catalog: Catalog = CATALOG) -> tuple[str, ...]:
    return assess(catalog, rows, at=at).notes


def test_an_override_waives_and_says_who_until_when_and_by_what() -> None:
    found = one(FAILED, override())
    assert (found.outcome, found.raw, found.waiver) == (Outcome.WAIVED, Outcome.FAIL, evidence_id(9))
    assert found.because.startswith(
        f"Waived until 2026-11-30 by override {SHORT}, requested by r.equester, approved by a.pprover, "
        "owned by o.wner: Only in the test image. Without the waiver: Failed: github_checks: 1 of 1"
    )
    assert found.evidence == (evidence_id(1), evidence_id(9))
    assert found.fix == "Repair it."
    assert notes(FAILED, override()) == ()


def test_spaces_around_words_are_no_part_of_them() -> None:
    spaced = one(FAILED, override(reason=" Only in the test image. ", approver=" a.pprover "))
    assert spaced.because == one(FAILED, override()).because
    assert one(FAILED, override(owner=" ")).outcome is Outcome.FAIL


def test_an_override_is_of_the_control_it_was_admitted_for_to_the_letter() -> None:
    spaced = override(control=" IG-ONE")
    assert one(FAILED, spaced).outcome is Outcome.FAIL
    assert notes(FAILED, spaced) == (f"Override {SHORT} is of  IG-ONE, a control this catalog does not hold.",)


def test_what_is_missing_is_waived_and_never_becomes_a_pass() -> None:
    found = one(override())
    assert (found.outcome, found.raw) == (Outcome.WAIVED, Outcome.MISSING)


def test_a_pass_needs_no_override() -> None:
    assert one(PASSED, override()) == one(PASSED)
    assert notes(PASSED, override()) == (f"Override {SHORT} on IG-ONE is not needed: the outcome is pass without it.",)


@pytest.mark.parametrize(
    "idle",
    [
        override(control="IG-TWO"),
        override(scope="other"),
        override(leave_out="control", rule="write_paths.outside"),
        override(leave_out="reason"),
        override(leave_out="owner"),
        override(leave_out="requester"),
        override(leave_out="approver"),
        override(leave_out="from"),
        override(leave_out="until"),
        override(reason=7),
        override(scope=("payments",)),
        override(until="2026-12-01"),
        override(until="soon"),
        override(until=5),
        override(until="2026-08-01T00:00:00Z"),
        override(requester=" A.Pprover "),
        override(requester="\uff41.\uff50\uff50rover"),
        replace(override(), verified=False),
        replace(override(), withheld=True),
        replace(override(), kind="action"),
    ],
    ids=str,
)
def test_what_does_not_count_changes_no_outcome(idle: Row) -> None:
    assert one(FAILED, idle).outcome is Outcome.FAIL
    assert one(FAILED, idle).waiver == ""


@pytest.mark.parametrize(
    ("idle", "said"),
    [
        (override(control="IG-TWO"), f"Override {SHORT} is of IG-TWO, a control this catalog does not hold."),
        (
            override(requester="A.PPROVER"),
            f"Override {SHORT} on IG-ONE never counts: a.pprover asked for it and approved it.",
        ),
        (replace(override(), verified=False), f"Override {SHORT} does not count: it is not verified."),
        (replace(override(), withheld=True), f"Override {SHORT} does not count: it was erased."),
        (override(until="2026-09-01T12:00:00Z"), f"Override {SHORT} on IG-ONE ended on 2026-09-01T12:00:00Z."),
    ],
)
def test_what_does_not_count_is_noted(idle: Row, said: str) -> None:
    assert notes(FAILED, idle) == (said,)


def test_an_override_of_a_policy_rule_is_none_of_the_catalogs_business() -> None:
    assert notes(FAILED, override(leave_out="control", rule="write_paths.outside")) == ()


def test_self_approval_is_said_in_the_finding_and_linked() -> None:
    found = one(FAILED, override(requester="a.pprover"))
    assert found.because.endswith(f"Override {SHORT} never counts: a.pprover asked for it and approved it.")
    assert found.evidence == (evidence_id(1), evidence_id(9))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("a.smith", "A.Smith", True),
        (" Ann  Smith ", "ann smith", True),
        ("Straße", "STRASSE", True),
        ("ﬁn", "fin", True),
        ("a.smith", "a smith", False),
        ("a.smith", "b.smith", False),
    ],
)
def test_who_is_the_same_person(first: str, second: str, *, same: bool) -> None:
    assert same_person(first, second) is same


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (datetime(2026, 7, 31, 23, 59, 59, 999_999, UTC), Outcome.FAIL),
        (datetime(2026, 8, 1, tzinfo=UTC), Outcome.WAIVED),
        (datetime(2026, 11, 30, 23, 59, 59, 999_999, UTC), Outcome.WAIVED),
        (datetime(2026, 12, 1, tzinfo=UTC), Outcome.FAIL),
    ],
)
def test_days_begin_and_end_in_utc(at: datetime, outcome: Outcome) -> None:
    """The same for an override from 1 August to 1 December and a waiver of the days between."""
    assert one(FAILED, override(), at=at).outcome is outcome
    waiver = "---\nid: W-1\ncontrol: IG-ONE\nreason: r\nowner: o\napprover: a\nfrom: 2026-08-01\nuntil: 2026-11-30\n"
    assert one(FAILED, at=at, catalog=catalog_of(ONE + waiver)).outcome is outcome


def test_an_override_ends_at_its_moment() -> None:
    short = override(until="2026-09-01T14:00:00+02:00")  # AT is noon
    assert one(FAILED, short, at=AT - timedelta(microseconds=1)).outcome is Outcome.WAIVED
    reopened = one(FAILED, short, at=AT)
    assert reopened.outcome is Outcome.FAIL
    assert reopened.because.endswith(f"Override {SHORT} ended on 2026-09-01T12:00:00Z and no longer counts.")
    assert reopened.evidence == (evidence_id(1), evidence_id(9))
    early = one(FAILED, override(from_="2026-09-01T18:30:00Z"), at=AT)
    assert early.because.endswith(f"Override {SHORT} begins on 2026-09-01T18:30:00Z and does not count yet.")


@pytest.mark.parametrize(
    ("at", "near"),
    [
        (datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 1, tzinfo=UTC), True),
        (datetime(2026, 11, 30, 23, tzinfo=UTC), True),
    ],
)
def test_thirty_days_before_its_end_it_warns(at: datetime, *, near: bool) -> None:
    found = one(FAILED, override(), at=at)
    assert (" It ends within 30 days. Without the waiver: " in found.because) is near
    said = f"Override {SHORT} on IG-ONE ends on 2026-11-30, within 30 days: the control reopens then."
    assert notes(FAILED, override(), at=at) == ((said,) if near else ())


def test_an_assessment_of_before_there_were_warnings_is_derived_without_them() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    catalog, rows = CATALOG, (FAILED, override())
    given = decide(catalog, rows, at=at)
    first = fold(catalog, RELEASE, rows, given, tree_size=9, at=at, policy_digest="p", derivation=1)
    assert first.notes == ()
    assert "within 30 days" not in first.findings[0].because
    assert first.findings[0].outcome is Outcome.WAIVED


def test_of_several_the_one_that_lasts_longest_counts() -> None:
    waiver = "---\nid: W-1\ncontrol: IG-ONE\nreason: r\nowner: o\napprover: a\nfrom: 2026-08-01\nuntil: 2026-11-29\n"
    both = catalog_of(ONE + waiver)
    assert one(FAILED, override(), catalog=both).waiver == evidence_id(9)
    assert one(FAILED, override(until="2026-11-29T23:00:00Z"), catalog=both).waiver == "W-1"
    assert one(FAILED, override(8), override(9, until="2027-01-01T00:00:00Z")).evidence[1:] == (evidence_id(9),)


@pytest.mark.parametrize("scope", ["payments", "payments@2.4.0", DIGESTS[1]])
def test_a_scope_of_the_release_counts(scope: str) -> None:
    assert one(FAILED, override(scope=scope)).outcome is Outcome.WAIVED


def test_what_could_not_be_decided_cannot_be_waived() -> None:
    broken = fold(
        CATALOG,
        RELEASE,
        (FAILED, override()),
        {"IG-ONE": {"outcome": "error", "code": "engine_timeout", "because": "it ran too long"}},
        tree_size=9,
        at=AT,
        policy_digest="p",
    )
    assert (broken.findings[0].outcome, broken.findings[0].waiver) == (Outcome.ERROR, "")
    assert broken.notes == (f"Override {SHORT} on IG-ONE does not count: what could not be decided cannot be waived.",)


@pytest.mark.parametrize("state", ["draft", "retired"])
def test_what_is_not_run_is_not_waived(state: str) -> None:
    found = one(FAILED, override(), catalog=catalog_of(ONE + f"state: {state}\n"))
    assert (found.outcome, found.waiver) == (Outcome.NOT_RUN, "")


def test_the_moments_at_which_a_waiver_turns() -> None:
    (read,) = overrides_of([override()])
    end = datetime(2026, 12, 1, tzinfo=UTC)
    assert turns(read) == (datetime(2026, 8, 1, tzinfo=UTC), end - timedelta(days=30), end)
    assert (read.starts, read.until) == (date(2026, 8, 1), date(2026, 11, 30))
    assert (days_left(read, AT), days_left(read, end), days_left(read, end - timedelta(hours=1))) == (90, 0, 0)
    (ancient,) = overrides_of([override(from_="0001-01-01T00:00:00Z", until="0001-01-02T00:00:00Z")])
    assert turns(ancient)[1] == datetime(1, 1, 1, tzinfo=UTC)
    assert waiver_of("sha256:0", {**BASE, "from": "0001-01-01T00:00:00+05:00"}) is None
    for_ever = Waiver("W", "IG-ONE", "r", "o", "a", date.min, date.max)
    assert (begins(for_ever).year, ends(for_ever).year) == (1, 9999)


def _incremental(
    before: tuple[Row, ...], after: tuple[Row, ...], only: tuple[str, ...]
) -> tuple[Assessment, Assessment]:
    catalog = catalog_of(ONE + "---\nid: IG-TWO\nquery: [{kind: opa, where: denies==0}]\n")
    previous = assess(catalog, before)
    wanted = due(catalog, only, previous, "sha256:p", after)
    given = {name: told for name, told in decide(catalog, after).items() if name in (wanted or ())}
    again = fold(
        catalog, RELEASE, after, given, tree_size=9, at=AT, policy_digest="sha256:p", only=wanted, previous=previous
    )
    assert wanted is not None
    assert "IG-TWO" not in wanted
    return again, assess(catalog, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((FAILED,), (FAILED, override())),
        ((FAILED, override()), (FAILED, override(8, until="2026-09-01T00:00:00Z"))),
        ((FAILED, override()), (FAILED, replace(override(), withheld=True))),
        ((FAILED, override(until="2026-09-01T00:00:00Z")), (FAILED, replace(override(), withheld=True))),
        ((FAILED, override(requester="a.pprover")), (FAILED, override(8))),
    ],
)
def test_incremental_is_the_same_as_whole(before: tuple[Row, ...], after: tuple[Row, ...]) -> None:
    again, whole = _incremental(before, after, ())
    assert again == whole


def _controls(catalog: Catalog) -> list[str]:
    return [one.id for one in catalog.controls if one.state == "active" and not one.policy]


@st.composite
def any_override(draw: st.DrawFn) -> Row:
    """An override of some shipped control, usually a good one."""
    people = st.sampled_from(["a.smith", "A.SMITH", "b.jones", "c.roe", ""])
    moments = st.sampled_from(
        ["2020-01-01T00:00:00Z", "2026-09-01T12:00:00Z", "2026-09-10T00:00:00Z", "2030-01-01T00:00:00Z"]
    )
    said = {
        "control": draw(st.sampled_from(_controls(shipped_catalog()))),
        "requester": draw(people),
        "approver": draw(people),
        "from_": draw(moments),
        "until": draw(moments),
        "scope": draw(st.sampled_from(["", "payments", "payments@2.4.0", "other", DIGESTS[0]])),
    }
    made = override(draw(st.integers(500, 9000)), **said)
    return replace(made, verified=draw(st.booleans()), withheld=draw(st.integers(0, 5)) == 0)


def _outcomes(rows: list[Row], leave: Callable[[str], bool]) -> dict[str, Outcome]:
    return {one.control: one.outcome for one in assess(shipped_catalog(), rows).findings if leave(one.control)}


READS_OVERRIDES = frozenset(
    control.id for control in shipped_catalog().controls if control.policy or "override" in control.kinds()
)


@settings(max_examples=25, deadline=None)
@given(st.lists(any_override(), max_size=6), st.sampled_from([PASSED, FAILED]))
def test_overrides_only_ever_make_waived_of_what_is_not_met(overrides: list[Row], other: Row) -> None:
    """Of controls that do not ask about overrides themselves."""
    base = [other]
    alone = _outcomes(base, lambda name: name not in READS_OVERRIDES)
    beside = _outcomes([*base, *overrides], lambda name: name not in READS_OVERRIDES)
    for name, outcome in beside.items():
        assert outcome in {alone[name], Outcome.WAIVED}
        assert outcome is not Outcome.WAIVED or alone[name] in {Outcome.FAIL, Outcome.MISSING, Outcome.STALE}


@settings(max_examples=25, deadline=None)
@given(st.lists(any_override(), min_size=1, max_size=6), st.data())
def test_removing_an_override_never_makes_a_pass(overrides: list[Row], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(overrides))
    before = _outcomes([FAILED, *overrides], lambda name: name not in READS_OVERRIDES)
    left = [one for one in overrides if one is not gone]
    after = _outcomes([FAILED, *left], lambda name: name not in READS_OVERRIDES)
    erased = [replace(one, withheld=True) if one is gone else one for one in overrides]
    withheld = _outcomes([FAILED, *erased], lambda _: True)
    whole = _outcomes([FAILED, *overrides], lambda _: True)
    assert {name for name, one in after.items() if one is Outcome.PASS} <= {
        name for name, one in before.items() if one is Outcome.PASS
    }
    assert {name for name, one in withheld.items() if one is Outcome.PASS} <= {
        name for name, one in whole.items() if one is Outcome.PASS
    }
