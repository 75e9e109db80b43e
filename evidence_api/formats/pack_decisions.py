"""The pack's decisions, recomputed from the bytes enclosed: what each comes to, as JSON and for the pages.

Whoever builds a pack and whoever verifies one calls the same functions, so nothing printed has to be believed.
What only the server could tell of a decision (its ledger, its rules, an artifact) is read from the server's own
signed `reperformance` evidence, where the pack holds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from evidence_api.domain.decisions.reading import (
    DECISION_KINDS,
    PENDING,
    DecisionReading,
    Reperformed,
    Standing,
    reperformed,
    standing_of,
)
from evidence_api.domain.decisions.reperforming import Status, agree
from evidence_api.domain.errors import EvidenceError, PackRejected
from evidence_api.domain.facts import current
from evidence_api.domain.pack import PackContents, PackedEvidence
from evidence_api.domain.reperformed import REPERFORMANCE, of_decisions
from evidence_api.formats.reperformance import bounded
from evidence_api.formats.sentences import same_sentence
from evidence_api.formats.stored import stored_decision, stored_statement

Json = dict[str, Any]

_WORST_FIRST = (Status.DISAGREES.value, Status.NOT_REPERFORMABLE.value, PENDING, Status.AGREES.value)
_EXACT = ("evidence", "kind", "method", "checkedBy")  # besides status and differences
_SENTENCES = ("explanation", "reason")


@dataclass(frozen=True, slots=True)
class PackedDecision:
    """One decision of the pack, and what came of it."""

    item: PackedEvidence
    reading: DecisionReading
    reperformed: Reperformed

    @property
    def name(self) -> str:
        """`router-decision (linucb)`."""
        return f"{self.reading.kind} ({self.reading.method})" if self.reading.method else self.reading.kind


def decisions_in(contents: PackContents) -> tuple[PackedDecision, ...]:
    """Every decision whose bytes (or a redacted copy of them) the pack holds, in leaf order. Raises Refused where a
    body is not what its record says; step 5 of a verification comes before that."""
    standing = _standing(contents.evidence)
    found = []
    for item in contents.evidence:
        body = _readable(item)
        read = stored_decision(body) if item.evidence.kind in DECISION_KINDS and body is not None else None
        if read is not None:
            told = reperformed(read[0], standing.get(item.evidence.id))
            found.append(PackedDecision(item, read[0], told))
    return tuple(found)


def worst_first(decisions: Sequence[PackedDecision]) -> list[PackedDecision]:
    """Those that disagree before those nobody could recompute, before the rest; each in leaf order."""
    return sorted(decisions, key=lambda one: _WORST_FIRST.index(one.reperformed.status))


def tally(statuses: Sequence[str]) -> str:
    """`3 of 4 decisions recomputed: 2 agree, 1 disagrees as recorded; 1 not reperformable`."""
    counts = {status: statuses.count(status) for status in _WORST_FIRST}
    agreeing, disagreeing = counts[Status.AGREES], counts[Status.DISAGREES]
    done = agreeing + disagreeing
    said = f"{done} of {len(statuses)} decisions recomputed: {agreeing} {'agrees' if agreeing == 1 else 'agree'}"
    said += f", {disagreeing} {'disagrees' if disagreeing == 1 else 'disagree'} as recorded"
    if counts[Status.NOT_REPERFORMABLE]:
        said += f"; {counts[Status.NOT_REPERFORMABLE]} not reperformable"
    return said + (f"; {counts[PENDING]} not yet checked by the server" if counts[PENDING] else "")


def decisions_document(contents: PackContents) -> list[Json]:
    """[{evidence, kind, method, status, explanation, reason, differences: [{path, claimed, recomputed}], checkedBy}] in
    leaf order; `checkedBy` is the server's statement, null where the arithmetic alone says it."""
    return [_document(one) for one in decisions_in(contents)]


def check_decisions(contents: PackContents, listed: object) -> tuple[PackedDecision, ...]:
    """Recompute every decision and compare with the index's list (None: it has none, as packs made before decisions
    were recomputed).

    Raises PackRejected: `decisions` (not those of the evidence), `decision_status`, `decision_differences`,
    `decision_detail`.
    """
    try:
        found = decisions_in(contents)
    except EvidenceError as fault:
        raise PackRejected(f"a decision cannot be read: {fault.message[:300]}", code="decisions") from fault
    told = [] if listed is None else listed
    if not isinstance(told, list) or len(told) != len(found):
        raise PackRejected("the decisions listed are not those of the evidence", code="decisions")
    for one, said in zip(found, told, strict=True):
        _compare(_document(one), said)
    return found


def as_listed(decision: PackedDecision, said: object) -> PackedDecision:
    """The decision in the words and numbers of the index, where these say the same of it: pages were made from those,
    on a machine whose last digits may be others."""
    again = _document(decision)
    try:
        _compare(again, said)
    except PackRejected:
        return decision
    if said == again or not isinstance(said, Mapping):
        return decision
    told = decision.reperformed
    differences = tuple(
        one if each["recomputed"] == other["recomputed"] else replace(one, recomputed=each["recomputed"])
        for one, each, other in zip(told.differences, said["differences"], again["differences"], strict=True)
    )
    words = {name: said[name] for name in _SENTENCES}
    return replace(decision, reperformed=replace(told, differences=differences, **words))


def _compare(again: Json, said: object) -> None:
    if not isinstance(said, Mapping) or said.keys() != again.keys():
        raise PackRejected("a decision listed is not of this shape", code="decisions", path=again["evidence"])
    where = f"{again['kind']} {again['evidence'][:19]}…"
    if said["status"] != again["status"]:
        raise PackRejected(
            f"{where} is recorded as {str(said['status'])[:40]}, and comes to {again['status']}",
            code="decision_status",
            path=again["evidence"],
        )
    if not _same_differences(said["differences"], again["differences"]):
        raise PackRejected(
            f"{where}: the differences recorded are not those found: {_paths(again['differences'])}",
            code="decision_differences",
            path=again["evidence"],
        )
    exact = all(said[name] == again[name] for name in _EXACT)
    if not exact or not all(same_sentence(said[name], again[name]) for name in _SENTENCES):
        raise PackRejected(
            f"{where}: what is said of it does not follow from it", code="decision_detail", path=again["evidence"]
        )


def _same_differences(said: object, again: Sequence[Json]) -> bool:
    """The same paths and claims, and the same results: another machine's may differ in the last digits of a float."""
    if not isinstance(said, list) or len(said) != len(again):
        return False
    for one, other in zip_longest(said, again):
        if not isinstance(one, Mapping) or one.keys() != other.keys():
            return False
        if (one["path"], one["claimed"]) != (other["path"], other["claimed"]):
            return False
        if not _close(one["recomputed"], other["recomputed"]):
            return False
    return True


def _close(said: object, again: object) -> bool:
    if isinstance(again, Mapping):
        return (
            isinstance(said, Mapping) and said.keys() == again.keys() and all(_close(said[k], again[k]) for k in again)
        )
    if isinstance(again, list):
        return isinstance(said, list) and len(said) == len(again) and all(map(_close, said, again))
    return agree(said, again)


def _paths(differences: Sequence[Json]) -> str:
    return ", ".join(one["path"] for one in differences[:5]) or "none"


def _standing(evidence: Sequence[PackedEvidence]) -> Mapping[str, Standing]:
    """What the server's statements in force say of each decision, by the decision's evidence id."""
    items = {item.evidence.id: item for item in evidence if item.evidence.kind == REPERFORMANCE}
    found = {}
    for decision, told in of_decisions(current(item.evidence for item in items.values())).items():
        body = _readable(items[told.id])
        if body is not None:
            found[decision] = standing_of(told.id, stored_statement(body).predicate)
    return found


def _readable(item: PackedEvidence) -> bytes | None:
    """The bytes received, or the redacted copy of those that may not leave; None once erased."""
    return item.body if item.redaction is None else item.redaction.copy


def _document(one: PackedDecision) -> Json:
    told = one.reperformed
    return {
        "evidence": one.item.evidence.id,
        "kind": one.reading.kind,
        "method": one.reading.method,
        "status": told.status,
        "explanation": told.explanation,
        "reason": told.reason,
        "differences": [
            {"path": one.path, "claimed": bounded(one.claimed), "recomputed": bounded(one.recomputed)}
            for one in told.differences
        ],
        "checkedBy": told.checked_by or None,
    }
