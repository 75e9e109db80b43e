"""What came of a decision, in plain sentences: the same on every command that shows one."""

from collections.abc import Iterator, Mapping
from typing import Any

from evidence_api.domain.decision_words import told_difference

Json = Mapping[str, Any]

_SHOWN = 10  # differences


def decision_lines(decision: Json) -> Iterator[tuple[str, str]]:
    """(label, text) of a decision as GraphQL and cli/decision_offline.py give it."""
    told = decision["reperformance"]
    yield "decision", f"{decision['kind']} ({decision['method']})" if decision["method"] else decision["kind"]
    yield "recomputed", told["sentence"]
    differences = [told_difference(one["path"], one["claimed"], one["recomputed"]) for one in told["differences"]]
    more = [f"and {len(differences) - _SHOWN} more"] if len(differences) > _SHOWN else []
    if differences:
        yield "differs", "\n".join((*differences[:_SHOWN], *more))
    if told["checkedBy"]:
        yield "checked by", told["checkedBy"]["evidenceId"]
