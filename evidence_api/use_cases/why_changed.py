"""Why a verdict changed: two recorded assessments of a release, and which factor moved one control between them.

The plan:
  1. both verdicts, as recorded
  2. the evidence of then and of now, as it was when each was assessed: bodies erased since counted
  3. both catalogs and policies, by digest
  4. what is other: evidence, the control's definition, policy modules, waiver, time
  5. which of that moved it: one factor swapped at a time, of this control alone      use_cases/replay_trials.py
A reader whose grant shows a part of the evidence is told 1 and 4 as far as it goes: evaluating a part again would say
something else than what was recorded.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from evidence_api.domain.assessment import Assessment
from evidence_api.domain.change import Change, Standpoint, definition_changes, evidence_changes, modules_changed
from evidence_api.domain.control import Catalog, Control
from evidence_api.domain.errors import EvidenceError, TooLarge, Undecided
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.page import MAX_COUNTED
from evidence_api.domain.reading import AssessmentView, EvidenceFilter, ReleaseView
from evidence_api.domain.replay import ABSENT, Factor, Flip, Moved, ordered, outcome_of, unearthed
from evidence_api.domain.verdict import Finding
from evidence_api.store import counts, evidence, read_recorded
from evidence_api.use_cases.read_session import ReadSession
from evidence_api.use_cases.recorded_rules import RecordedRules
from evidence_api.use_cases.replay_trials import Case, Rules, Trials

_NOT_ASKED = "the grant shows a part of the evidence, so what moved it is not worked out"
_NO_RULES = "what moved it cannot be told: the recorded rules cannot be had"


@dataclass(frozen=True, slots=True)
class ChangeQuestion:
    """One control of a release, between two of its assessments; `partial`: the reader sees a part of the evidence."""

    release: ReleaseView
    control: str
    before: AssessmentView
    after: AssessmentView
    partial: bool


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two: what was recorded, the finding of the control, and the evidence as it was assessed."""

    recorded: Assessment
    finding: Finding | None
    owned: tuple[Evidence, ...]


async def why_changed(session: ReadSession, question: ChangeQuestion) -> Change | None:
    """The change; None where neither assessment knows the control. Raises TooLarge `release_too_large`, Undecided."""
    # 1. both verdicts, 2. the evidence of both
    await _check_size(session, question)
    wanted = (question.before, question.after)
    recorded = await session.run(read_recorded.assessments, [one.id for one in wanted])
    sides = [await _side(session, recorded, one, question.control) for one in wanted]
    if all(side.finding is None for side in sides):
        return None
    # 3. the rules of both
    rules, note = await _rules_of(session, question)
    # 4. what is other
    controls = [await _control(session, one.catalog_digest, question.control) for one in wanted]
    change = _compared(question, (sides[0], sides[1]), (controls[0], controls[1]), rules)
    if note or rules is None or session.rules is None:
        return replace(change, note=note)
    # 5. what moved it
    case = _case(question, sides[0], sides[1])
    async with session.rules.turn:
        differing, moved = await _moved(session.rules, case, rules, change, sides[1].recorded)
    return replace(change, differing=differing, moved=moved)


async def _check_size(session: ReadSession, question: ChangeQuestion) -> None:
    chosen, size = EvidenceFilter(statuses=()), question.after.tree_size
    counted = await session.run(counts.evidence_of_releases, [question.release.id], chosen, size)
    if counted.get(question.release.id, 0) > MAX_COUNTED:
        raise TooLarge(
            f"the release owns more than {MAX_COUNTED} pieces of evidence: replay it at the command line",
            code="release_too_large",
            path="release",
            limit=MAX_COUNTED,
        )


async def _side(session: ReadSession, recorded: dict[UUID, Assessment], view: AssessmentView, control: str) -> _Side:
    found = recorded[view.id]
    owned = await session.run(evidence.owned, found.release, found.tree_size)
    finding = next((one for one in found.findings if one.control == control), None)
    return _Side(found, finding, unearthed(found.findings, owned))


async def _rules_of(session: ReadSession, question: ChangeQuestion) -> tuple[tuple[Rules, Rules] | None, str]:
    """The rules of both, and ""; otherwise why there are none."""
    if question.partial or session.rules is None:
        return None, _NOT_ASKED if question.partial else _NO_RULES
    try:
        before = await _load(session, session.rules, question.before)
        return (before, await _load(session, session.rules, question.after)), ""
    except Undecided:
        raise
    except EvidenceError as fault:
        return None, f"{_NO_RULES} ({fault.code})"


async def _load(session: ReadSession, kept: RecordedRules, view: AssessmentView) -> Rules:
    digests = (view.catalog_digest, view.policy_digest)
    return kept.known(*digests) or kept.keep(*digests, await session.run(read_recorded.rules, *digests))


def _compared(
    question: ChangeQuestion,
    sides: tuple[_Side, _Side],
    controls: tuple[Control | None, Control | None],
    rules: tuple[Rules, Rules] | None,
) -> Change:
    (before, after), (old, new) = sides, controls
    kinds = frozenset().union(*(one.kinds() for one in (old, new) if one), _kinds(before), _kinds(after))
    modules = modules_changed(rules[0].policy.modules, rules[1].policy.modules) if rules else ()
    return Change(
        release=f"{question.release.name}@{question.release.version}",
        control=question.control,
        before=_standpoint(before),
        after=_standpoint(after),
        differing=(),
        moved=(),
        evidence=evidence_changes(kinds, before.owned, after.owned, (before.finding, after.finding)),
        definition=definition_changes(old, new),
        modules=modules,
    )


def _kinds(side: _Side) -> frozenset[str]:
    return frozenset(query.kind for query in side.finding.queries) if side.finding else frozenset()


def _standpoint(side: _Side) -> Standpoint:
    finding, recorded = side.finding, side.recorded
    return Standpoint(
        tree_size=recorded.tree_size,
        evaluated_at=recorded.evaluated_at,
        catalog_digest=recorded.catalog_digest,
        policy_digest=recorded.policy_digest,
        outcome=outcome_of(finding),
        sentence="The catalog has no such control." if finding is None else finding.because,
        waiver="" if finding is None else finding.waiver,
    )


def _case(question: ChangeQuestion, before: _Side, after: _Side) -> Case:
    """Later checks of signatures are left out: both verdicts rest on what was recorded when evidence came in."""
    release = question.release
    about = Release(release.id, release.name, release.version, release.digests, release.leaf_index)
    recorded = replace(before.recorded, findings=tuple(one for one in (before.finding,) if one))
    return Case(about, recorded, before.owned, after.owned, {})


async def _moved(
    kept: RecordedRules, case: Case, rules: tuple[Rules, Rules], change: Change, after: Assessment
) -> tuple[tuple[Factor, ...], Moved]:
    """The factors that differ, and the sets of them that each give the new outcome."""
    old, new = (replace(one, catalog=_only(one, change.control)) for one in rules)
    trials = Trials(kept.rego, case, old, new, after.evaluated_at)
    moving = trials.differing() - {Factor.TRUST_ROOT}
    if not change.changed:
        return ordered(moving), ()
    again = await trials.assess(moving)
    outcome = next((one.outcome.value for one in again.findings if one.control == change.control), ABSENT)
    if outcome != change.after.outcome:
        return ordered(moving), ((Factor.SOFTWARE,),)
    then, now = change.before, change.after
    flip = Flip(change.release, change.control, then.outcome, now.outcome, then.sentence, now.sentence)
    return ordered(moving), (await trials.moved(moving, [flip]))[change.control]


def _only(rules: Rules, control: str) -> Catalog:
    """The catalog with that control alone, so that nothing else is evaluated."""
    return replace(rules.catalog, controls=tuple(one for one in rules.catalog.controls if one.id == control))


async def _control(session: ReadSession, catalog: str, control: str) -> Control | None:
    index = await session.catalog(catalog)
    return None if index is None else index.controls.get(control)
