"""Assessing in processes of their own, the near end: grounds become stored assessments; the engine is asked between.

Rows, projections, folding and writing an assessment down take ten milliseconds of a release of two hundred controls,
which the event loop that answers requests has not got. What an append made due has a worker of its own, so that it
never waits behind ten thousand releases of the background, whose workers yield the processor to everybody else.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import orjson

from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import EngineCrashed, Refused
from evidence_api.domain.evidence import Release
from evidence_api.domain.projection import EngineAnswers, Key
from evidence_api.engines.rego import PolicyBundle, RegoPool
from evidence_api.engines.worker_lane import Shared
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.engines.worker_pool import WorkerPool
from evidence_api.engines.worker_wire import Plain
from evidence_api.store.assessments import StoredAssessment
from evidence_api.store.grounds import Grounds
from evidence_api.store.timers import Timer
from evidence_api.use_cases.assess_worker import ASK, FAILED, assessment_row, to_plain
from evidence_api.use_cases.evaluate import catalog_bundle, engine_answers
from evidence_api.use_cases.worker import ASSESSING

_NICE = 10  # of the workers in the background
_ROUNDS = 4  # a worker that remembers less than the one before it asks for what it lacks
_CROWD = 2  # evaluations for the background at once; admission has to find a place in the engine too


@dataclass(frozen=True, slots=True)
class Made:
    """An assessment as it will be stored, and when time alone may change it."""

    row: StoredAssessment
    timer: Timer


class Assessing:
    """Assesses releases under one catalog and policy. `processes` work in the background; None: as many as cores."""

    def __init__(
        self, nursery: Nursery, rego: RegoPool, catalog: Catalog, policy: PolicyBundle, *, processes: int | None = None
    ) -> None:
        self.bundle = catalog_bundle(catalog, policy)
        self._catalog = catalog
        self._rego = rego
        self._crowd = asyncio.Semaphore(_CROWD)
        self._answers = EngineAnswers()
        self._front, self._back = WorkerPool(nursery, 1), WorkerPool(nursery, processes)
        self._shared = {False: self._told("front", 0), True: self._told("back", _NICE)}

    def _told(self, place: str, niceness: int) -> Shared:
        content = (dict(self._catalog.sources), self.bundle.digest, niceness)
        return Shared(f"{ASSESSING}{place} {self.bundle.digest}", content)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def warm_up(self) -> None:
        """Let the worker of the front load the catalog, so that the first append need not wait for it."""
        shared = self._shared[False]
        await self._front.ask((shared.name,), shared, 0)

    async def close(self) -> None:
        """End the workers; who waits gets EngineCrashed."""
        await self._front.close()
        await self._back.close()

    async def make(
        self,
        grounds: Grounds,
        at: datetime,
        *,
        only: Sequence[str] | None = None,
        previous: StoredAssessment | None = None,
        background: bool = False,
    ) -> Made:
        """The assessment of a release at one moment; with `only` and `previous`, as `assess_release` does.

        Raises Overloaded, EngineCrashed (nothing was decided, and trying again helps), Refused (it cannot be assessed).
        """
        release = grounds.release
        about = (release.id, release.name, release.version, release.digests, release.leaf_index)
        before = None if previous is None or only is None else to_plain(previous)
        question = (about, grounds.evidence, grounds.tree_size, at.isoformat(), only, before)
        decided: dict[str, object] = {}
        asked: list[str] = []
        for _ in range(_ROUNDS):
            told = orjson.dumps(decided) if asked else None
            answer = await self._ask((*question, told, tuple(asked)), background=background)
            if answer[0] == FAILED:
                raise Refused(f"{release.id} cannot be assessed: {answer[2]}", code=answer[1])
            if answer[0] != ASK:
                row = assessment_row(answer[1])
                moves = None if answer[2] is None else datetime.fromisoformat(answer[2])
                return Made(row, Timer(row.release, row.tree_size, moves))
            decided |= await self._decide(release, *answer[1:], background=background)
            asked += answer[2]
        raise EngineCrashed(f"workers that remember nothing: {release.id} was not assessed", limit=_ROUNDS)

    async def _ask(self, question: Plain, *, background: bool) -> Plain:
        """One worker's answer."""
        shared, pool = self._shared[background], self._back if background else self._front
        return await pool.ask((shared.name, *question), shared, 0)

    async def _decide(
        self, release: Release, given: bytes, controls: Sequence[str], keys: Mapping[str, Key], *, background: bool
    ) -> dict[str, object]:
        """What the engine says of these controls, or said where it saw the same (domain/projection.py)."""
        decided: dict[str, object] = dict(self._answers.known(keys, release.digests))
        unknown = [control for control in controls if control not in decided]
        if unknown:
            found = await self._evaluate(given, unknown, background=background)
            self._answers.learn(keys, found, release.digests)
            decided |= found
        return decided

    async def _evaluate(self, given: bytes, controls: Sequence[str], *, background: bool) -> dict[str, object]:
        """Ask the engine about an input (a JSON object with members, but without `only`)."""
        only = b'{"only":' + orjson.dumps(sorted(controls)) + b"," + given[1:]
        if not background:
            return await engine_answers(self._rego, self.bundle, self._catalog, only, controls)
        async with self._crowd:
            return await engine_answers(self._rego, self.bundle, self._catalog, only, controls)
