"""Why a verdict changed between two assessments of one release: which factor moved it, and what of it is other.

Pure: from two recorded verdicts, the evidence of then and of now, both definitions of the control, and what replaying
with one factor swapped at a time came to (domain/replay.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from evidence_api.domain.control import Control, Query
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.facts import current
from evidence_api.domain.kinds import kinds_touched_by
from evidence_api.domain.narrative import moment
from evidence_api.domain.replay import ABSENT, Factor, Moved
from evidence_api.domain.verdict import Finding
from evidence_api.domain.where import write_duration

_PART_OF_QUERY = frozenset({"where", "population", "sample", "fresh"})


@dataclass(frozen=True, slots=True)
class Standpoint:
    """One of the two assessments: `outcome` and `sentence` of the control, ABSENT where its catalog had none."""

    tree_size: int
    evaluated_at: datetime
    catalog_digest: str
    policy_digest: str
    outcome: str
    sentence: str
    waiver: str


@dataclass(frozen=True, slots=True)
class EvidenceChanges:
    """Evidence ids, in log order, of kinds that the control reads. `superseded`: still there, and a later statement
    stands in its place; `stale`: too old now, and not then."""

    arrived: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One key of a control's definition; "" where it says nothing."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """Everything there is to say. `moved` are the sets of factors that each alone give the new outcome; `note` says why
    that could not be told."""

    release: str  # name@version
    control: str
    before: Standpoint
    after: Standpoint
    differing: tuple[Factor, ...]
    moved: Moved
    evidence: EvidenceChanges
    definition: tuple[FieldChange, ...]
    modules: tuple[str, ...]  # of the operator's policy: those that came, went or changed
    note: str = ""

    @property
    def changed(self) -> bool:
        """Whether the outcome is another one."""
        return self.before.outcome != self.after.outcome


def evidence_changes(
    kinds: frozenset[str], then: Sequence[Evidence], now: Sequence[Evidence], found: tuple[Finding | None, ...]
) -> EvidenceChanges:
    """What became of the evidence between the two; `found` are the findings of then and of now."""
    relevant = [one for one in now if kinds & kinds_touched_by(one.kind)]
    known = {one.id: one for one in then}
    standing_then, standing_now = ({one.id for one in current(side)} for side in (then, now))
    stale_then, stale_now = (_stale(one) for one in found)
    return EvidenceChanges(
        arrived=tuple(one.id for one in relevant if one.id not in known),
        superseded=tuple(one.id for one in relevant if one.id in standing_then - standing_now),
        erased=tuple(one.id for one in relevant if one.erased and one.id in known and not known[one.id].erased),
        stale=tuple(one.id for one in relevant if one.id in stale_now - stale_then),
    )


def _stale(finding: Finding | None) -> set[str]:
    return set() if finding is None else {one for query in finding.queries for one in query.stale}


def definition_changes(before: Control | None, after: Control | None) -> tuple[FieldChange, ...]:
    """The keys of a control that differ, in order; all of them where there was none or is none any more."""
    old, new = _defined(before), _defined(after)
    return tuple(
        FieldChange(path, old.get(path, ""), new.get(path, ""))
        for path in dict.fromkeys((*new, *old))
        if old.get(path, "") != new.get(path, "")
    )


def _defined(control: Control | None) -> dict[str, str]:
    if control is None:
        return {}
    plain = {
        one.name: _text(getattr(control, one.name)) for one in fields(control) if one.name not in {"id", "queries"}
    }
    told = [(f"query[{number}]", query) for number, query in enumerate(control.queries)]
    return {**plain, **{f"{path}.{name}": text for path, query in told for name, text in _query(query).items()}}


def _query(query: Query) -> dict[str, str]:
    plain = {one.name: getattr(query, one.name) for one in fields(query) if one.name not in _PART_OF_QUERY}
    return {name: _text(value) for name, value in plain.items()} | {
        "fresh": "" if query.fresh is None else f"{write_duration(query.fresh.max_age)} {query.fresh.clock}",
        "sample": "" if query.sample.size is None else f"{query.sample.size} by {query.sample.seed}",
    }


def _text(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def modules_changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """File names of a policy that came, went or have another text, sorted."""
    return tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))


def sentence_of(change: Change) -> str:
    """The whole in one or two sentences; the same change gives the same words."""
    before, after = change.before, change.after
    span = (
        f"between {before.tree_size} leaves ({moment(before.evaluated_at)}) and "
        f"{after.tree_size} leaves ({moment(after.evaluated_at)})"
    )
    about = f"{change.control} of {change.release}"
    if not change.changed:
        return f"{about} stayed {_word(after.outcome)} {span}. {_told(change)}"
    return (
        f"{about} went from {_word(before.outcome)} to {_word(after.outcome)} {span}: {_moved(change)}. {_told(change)}"
    )


def _moved(change: Change) -> str:
    if change.note:
        return change.note
    sets = [" and ".join(one) for one in change.moved if one]
    if not sets:
        return "the verdict of then is not what its own records give"
    if len(sets) > 1:
        return f"each of these alone moved it: {'; '.join(sets)}"
    return f"{sets[0]} moved it" if len(change.moved[0]) == 1 else f"only {sets[0]} together moved it"


def _told(change: Change) -> str:
    """What is other, whether or not it moved anything."""
    evidence = change.evidence
    parts = [
        *_counted(evidence.arrived, "arrived"),
        *_counted(evidence.superseded, "superseded"),
        *_counted(evidence.erased, "erased"),
        *_counted(evidence.stale, "too old by now"),
    ]
    told = [f"evidence {', '.join(parts)}"] if parts else []
    told += [f"the control says otherwise in {', '.join(one.path for one in change.definition)}"] * bool(
        change.definition
    )
    told += [f"policy changed in {', '.join(change.modules)}"] * bool(change.modules)
    if change.before.waiver != change.after.waiver:
        told.append(f"waived by {change.after.waiver or 'nobody'} instead of {change.before.waiver or 'nobody'}")
    if not told:
        return "Nothing the control reads is other."
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}."


def _counted(ids: Iterable[str], word: str) -> list[str]:
    count = len(tuple(ids))
    return [f"{count} {word}"] if count else []


def _word(outcome: str) -> str:
    return "not in the catalog" if outcome == ABSENT else outcome.replace("_", " ")
