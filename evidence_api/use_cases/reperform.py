"""Reperform: a decision is computed again from its own inputs, and what else it needs is fetched for it.

The plan for one decision:
  1. its kind, by predicate type, and its predicate read strictly              domain/decisions/
  2. what it needs: a policy area's answers (Rego), or what an artifact holds
  3. derive, compare                                                           domain/decisions/reperforming.py
Used by the command line, by the server's own worker and by reads; nothing is stored here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, assert_never

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.reperforming import (
    ArtifactNeed,
    DecisionKind,
    Given,
    Need,
    Reperformance,
    RuleNeed,
    Status,
)
from evidence_api.domain.errors import Malformed
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates import READERS
from evidence_api.use_cases.decide import Gate

Artifacts: TypeAlias = Callable[[str], Awaitable[Any | None]]  # digest -> what it holds, None: it is not here
Gates: TypeAlias = Callable[[], Awaitable[Gate]]

_BY_THE_SERVER = frozenset({"sbom-drift", "dependency-debt", "reproducible-build", "reperformance"})


class Reperforming:
    """Reperforms decisions of every kind."""

    def __init__(self, gate: Gates, artifacts: Artifacts) -> None:
        """`gate` is asked for only when a decision needs a rule."""
        self._gate = gate
        self._artifacts = artifacts

    async def of(self, predicate_type: str, predicate: Mapping[str, Any]) -> Reperformance:
        """The result. Raises Malformed with a dotted path (`unknown_predicate_type`: no kind reads it), Undecided."""
        kind: DecisionKind[Any] | None = DECISIONS.get(predicate_type)
        if kind is None:
            return _without_arithmetic(predicate_type, predicate)
        read = kind.read(predicate)
        need = kind.need(read)
        if need is None:
            return kind.reperform_read(read, predicate, Given())
        given = await self._given(need)
        # what an artifact holds may be millions of rows: nobody else waits for their sums
        return await asyncio.to_thread(kind.reperform_read, read, predicate, given)

    async def _given(self, need: Need) -> Given:
        match need:
            case RuleNeed():
                gate = await self._gate()
                answers = {one: (await gate.decide(need.area, asked)).allow for one, asked in need.questions.items()}
                return Given(allowed=answers)
            case ArtifactNeed():
                return Given(artifact=await self._artifacts(need.digest))
            case _:
                assert_never(need)


def _without_arithmetic(predicate_type: str, predicate: Mapping[str, Any]) -> Reperformance:
    """Kinds whose statements are held against their schema only."""
    reader = READERS.get(predicate_type)
    if reader is None:
        raise Malformed(
            f"no kind of decision has the predicate type {predicate_type[:200]!r}",
            code="unknown_predicate_type",
            path="predicateType",
            value=predicate_type[:200],
        )
    reader(Statement(version="v1", predicate_type=predicate_type, subjects=(), predicate=predicate))
    name = predicate_type.removeprefix("urn:evidence-api:").removesuffix(":v1")
    said = "the server derives it from other evidence" if name in _BY_THE_SERVER else "nothing in it is derived"
    return Reperformance(Status.NOT_REPERFORMABLE, f"{name} is valid; {said}, so there is no arithmetic to repeat")
