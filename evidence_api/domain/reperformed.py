"""What the server found of a decision, as facts: kept with its own `reperformance` statement, shown in its row.

Of some decisions only the server can tell whether they hold: it keeps the ledger, has the rule, or the artifact. Its
statement about one carries the facts the decision's row lacks, each under `decision.`. They only ever add to a row:
without the statement they are unknown, and a control that asks for them finds them missing. With the statement's body
erased the row is withheld as a whole, as if the decision's own were: what is no longer there must not help.
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


def told_of(decision: Evidence, found: Mapping[str, Evidence]) -> Evidence | None:
    """What the server found of a decision, where it is of a kind that waits for that."""
    return found.get(decision.id) if decision.kind in DEFERRABLE else None


def completed(facts: Mapping[str, Fact], told: Evidence) -> Mapping[str, Fact]:
    """The facts of a decision with those that the statement about it carries."""
    more = {path.removeprefix(_CARRIED): fact for path, fact in told.facts.items() if path.startswith(_CARRIED)}
    return {**more, **facts}
