"""What if: recorded releases under a candidate catalog or policy. Nothing is written.

The plan, for each release whose newest recorded assessment is not older than asked:
  1. recorded   the assessment, its catalog and policy by digest, its evidence up to its tree size
  2. candidate  the new value of each factor; those held stay as recorded
  3. replay     the release under all new values at once
  4. compare    who flips: outcome, and both sentences
  5. attribute  one factor swapped at a time from the recorded baseline (use_cases/replay_trials.py)

Releases are read in pages and replayed a few at once, so that memory does not grow with their number.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from evidence_api.domain.assessment import Assessment
from evidence_api.domain.errors import EvidenceError, Undecided
from evidence_api.domain.evidence import Release
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.replay import Factor, Flip, flips_of
from evidence_api.engines.rego import RegoPool, policy_bundle
from evidence_api.formats.catalog import load_catalog
from evidence_api.store import assessments, catalogs, evidence, read_log, rechecks, releases
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.evaluate import CATALOG_MODULE, catalog_bundle
from evidence_api.use_cases.replay_trials import Case, Rules, Trials

Progress = Callable[[int], None]  # how many more releases were looked at

_PAGE = 64  # releases read at once
_AT_ONCE = 4  # releases replayed at once
_KEPT = 8  # recorded pairs of catalog and policy


@dataclass(frozen=True, slots=True)
class Question:
    """The new value of each factor: `at` is the new time, evidence and later checks are those on record now; what is
    `held` stays as recorded. A release counts if its newest assessment was made at `since` or after."""

    rules: Rules
    since: datetime
    at: datetime
    held: frozenset[Factor] = frozenset()
    release: str = ""  # one release (name, name@version, evidence id); "": all


class Replayer:
    """Replays recorded releases, of one tenant at a time."""

    def __init__(self, database: Database, rego: RegoPool) -> None:
        self._database = database
        self._rego = rego
        self._past: OrderedDict[tuple[str, str], Rules] = OrderedDict()

    async def count(self, scope: TenantScope, question: Question) -> int:
        """How many releases there are to look at."""
        if question.release:
            return 1
        async with self._database.reading(scope) as connection:
            return await releases.count(connection, scope)

    async def run(
        self, scope: TenantScope, question: Question, progress: Progress = lambda _more: None
    ) -> AsyncIterator[tuple[Flip, ...]]:
        """The flips of each release replayed, in log order; none for one that stays as it is.

        Raises InvalidSource where the candidate does not load, NotFound for a release there is not, Undecided.
        """
        await self._rego.check(catalog_bundle(question.rules.catalog, question.rules.policy))
        async with self._database.reading(scope) as connection:
            size = (await read_log.head(connection, scope)).tree_size
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(release: Release) -> tuple[Flip, ...] | None:
            async with turn:
                flips = await self._replay(scope, question, release, size)
            progress(1)
            return flips

        async for page in self._pages(scope, question, size):
            for flips in await asyncio.gather(*map(one, page)):
                if flips is not None:
                    yield flips

    async def _pages(self, scope: TenantScope, question: Question, size: int) -> AsyncIterator[Sequence[Release]]:
        if question.release:
            async with self._database.reading(scope) as connection:
                found = await releases.find(connection, scope, question.release, size)
            yield [found]
            return
        after = -1
        while True:
            async with self._database.reading(scope) as connection:
                page = await releases.every(connection, scope, after=after, limit=_PAGE, tree_size=size)
            if not page:
                return
            yield page
            after = page[-1].leaf_index

    async def _replay(
        self, scope: TenantScope, question: Question, release: Release, size: int
    ) -> tuple[Flip, ...] | None:
        """The flips of one release; None where nothing was recorded since."""
        # 1. recorded
        async with self._database.reading(scope) as connection:
            case = await _case(connection, scope, release, size, question.since)
        if case is None:
            return None
        old, unreadable = await self._rules_of(case.recorded, question.rules)
        # 2. candidate
        trials = Trials(self._rego, case, old, question.rules, question.at)
        moving = trials.differing() - question.held
        # 3. replay, 4. compare
        after = await trials.assess(moving)
        flips = flips_of(f"{release.name}@{release.version}", case.recorded.findings, after.findings)
        if unreadable or not flips:
            return tuple(replace(flip, note=unreadable) for flip in flips)
        # 5. attribute
        moved = await trials.moved(moving, flips)
        return tuple(replace(flip, moved=moved[flip.control]) for flip in flips)

    async def _rules_of(self, recorded: Assessment, candidate: Rules) -> tuple[Rules, str]:
        """The rules an assessment names by digest, and "". Where they cannot be had again: the candidate's, and why."""
        digests = (recorded.catalog_digest, recorded.policy_digest)
        if digests not in self._past:
            try:
                self._past[digests] = await self._load(*digests)
            except Undecided:
                raise
            except EvidenceError as fault:
                return candidate, f"what moved it cannot be told: the recorded rules cannot be had ({fault.code})"
            if len(self._past) > _KEPT:
                self._past.popitem(last=False)
        self._past.move_to_end(digests)
        return self._past[digests], ""

    async def _load(self, catalog_digest: str, policy_digest: str) -> Rules:
        async with self._database.anonymous() as connection:
            sources, _ = await catalogs.catalog_sources(connection, catalog_digest)
            modules, data = await catalogs.policy_modules(connection, policy_digest)
        own = {name: text for name, text in modules.items() if name != CATALOG_MODULE}
        return Rules(load_catalog(sources, recorded=True), policy_bundle(own, data))


async def _case(
    connection: Connection, scope: TenantScope, release: Release, size: int, since: datetime
) -> Case | None:
    """Everything recorded about a release, from one snapshot; None where its newest assessment is too old."""
    latest = await assessments.latest(connection, scope, release.id, size)
    if latest is None or latest[1].evaluated_at < since:
        return None
    recorded = latest[1]
    then = await evidence.owned(connection, scope, release.id, recorded.tree_size)
    now = await evidence.owned(connection, scope, release.id, size)
    checks = await rechecks.of_leaves(connection, scope, [one.leaf_index for one in now], 1)
    return Case(release, recorded, then, now, {leaf: found[0] for leaf, found in checks.items()})
