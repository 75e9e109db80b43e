"""What the server found of a decision, as facts: kept with its own `reperformance` statement, shown in its row.

Of some decisions only the server can tell whether they hold: it keeps the ledger, has the rule, or the artifact. Its
statement about one carries the facts the decision's row lacks, each under `decision.`. They only ever add to a row:
without the statement, or with its body erased, they are unknown, and a control that asks for them finds them missing.
"""

from collections.abc import Iterable, Mapping

from evidence_api.domain.decisions import DEFERRABLE
from evidence_api.domain.evidence import Evidence, Fact
from evidence_api.domain.verification import Verified

REPERFORMANCE = "reperformance"
_CARRIED = "decision."


def carried(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """A decision's facts, as the statement about it keeps them.

    >>> carried({"disagreements": 0})
    {'decision.disagreements': 0}
    """
    return {f"{_CARRIED}{path}": fact for path, fact in facts.items()}


def of_itself(evidence: Evidence) -> Mapping[str, Fact]:
    """The facts of evidence that its own row shows."""
    if evidence.kind != REPERFORMANCE:
        return evidence.facts
    return {path: fact for path, fact in evidence.facts.items() if not path.startswith(_CARRIED)}


def of_decisions(standing: Iterable[Evidence]) -> dict[str, Evidence]:
    """Among evidence in force: what the server found, by the decision's evidence id."""
    return {one.series: one for one in standing if one.kind == REPERFORMANCE and isinstance(one.verification, Verified)}


def completed(decision: Evidence, found: Mapping[str, Evidence]) -> tuple[Mapping[str, Fact], tuple[str, ...]]:
    """The facts of a decision's row, and the ids of the evidence they rest on: its own, and what the server found.

    An erased statement is still named, so that erasing it changes no sample that is drawn by these ids.
    """
    told = found.get(decision.id) if decision.kind in DEFERRABLE else None
    if told is None:
        return of_itself(decision), (decision.id,)
    facts = (
        {}
        if told.erased
        else {path.removeprefix(_CARRIED): fact for path, fact in told.facts.items() if path.startswith(_CARRIED)}
    )
    return {**facts, **decision.facts}, (decision.id, told.id)
