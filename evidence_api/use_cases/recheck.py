"""Verifying again: stored evidence against a newer trusted root and whom the tenant trusts today.

The plan:
  1. grounds    the root's digest, and the digest of the keys and identities trusted now
  2. pending    what of the chosen evidence was not yet checked on these grounds, up to the log's size at the start
  3. verify     in batches, from the bytes received, as on the first day (use_cases/check.py, steps 1 and 2)
  4. record     a row a piece of evidence, beside it; the stored record and every verdict stay as they are
Commit point: a batch. A crash leaves whole batches behind, and the next run goes on after them.

What a trust rule says of claims, predicate types and subjects is admission's, at the door; it is not asked again.
"""

import asyncio
from collections.abc import Callable, Sequence

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import Refused
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.recheck import Choice, Grounds, Pending, Recheck, RecheckReport, recheck_of
from evidence_api.domain.verification import Failed, Verification
from evidence_api.engines.clock import Clock
from evidence_api.engines.sigstore import PLAN, BundleVerifier
from evidence_api.formats.upload import recognise
from evidence_api.store import evidence, read_log, rechecks
from evidence_api.store.session import Database
from evidence_api.use_cases.check import Trust, verify
from evidence_api.use_cases.trust import TrustBook

Progress = Callable[[int, int], None]  # checked so far, to be checked in all

_BATCH = 256  # records
_BATCH_BYTES = 16 * 2**20  # a single larger body is a batch of its own


class Rechecker:
    """Verifies a tenant's stored evidence again, against one trusted root."""

    def __init__(self, database: Database, verifier: BundleVerifier, clock: Clock) -> None:
        self._database = database
        self._verifier = verifier
        self._trust = TrustBook(database, verifier)
        self._clock = clock

    async def run(
        self, scope: TenantScope, choice: Choice, progress: Progress = lambda _checked, _whole: None
    ) -> RecheckReport:
        """Check what is pending; the report is about everything chosen. Raises NotFound for an unknown evidence id,
        Malformed for what is none, VerificationFailed "stored_bytes"."""
        # 1. grounds
        trust = await self._trust.of(scope)
        grounds = Grounds(self._verifier.digest, trust_digest(trust))
        # 2. pending
        async with self._database.reading(scope) as connection:
            if choice.evidence_id is not None:
                await evidence.leaf_index(connection, scope, choice.evidence_id)
            size = (await read_log.head(connection, scope)).tree_size
            whole = await rechecks.count_pending(connection, scope, choice, size, grounds)
        checked, after = 0, -1
        progress(checked, whole)
        while batch := await self._next(scope, choice, size, grounds, after):
            # 3. verify
            found = await self._check(scope, batch, trust, grounds)
            # 4. record
            async with self._database.tenant(scope) as connection:
                await rechecks.record(connection, scope, found)
            after = batch[-1].leaf_index
            checked += len(batch)
            progress(checked, whole)
        async with self._database.reading(scope) as connection:
            return await rechecks.report(connection, scope, choice, size, grounds)

    async def _next(
        self, scope: TenantScope, choice: Choice, size: int, grounds: Grounds, after: int
    ) -> Sequence[Pending]:
        """The next batch, bounded in records and bytes; empty at the end."""
        async with self._database.reading(scope) as connection:
            found = await rechecks.pending(connection, scope, choice, size, grounds, after=after, limit=_BATCH)
        taken, room = 0, _BATCH_BYTES
        for one in found:
            room -= one.body_size
            if room < 0 and taken:
                break
            taken += 1
        return found[:taken]

    async def _check(
        self, scope: TenantScope, batch: Sequence[Pending], trust: Trust, grounds: Grounds
    ) -> list[Recheck]:
        async with self._database.reading(scope) as connection:
            bodies = await evidence.bodies(connection, scope, [one.body_digest for one in batch])
        present = [one for one in batch if one.body_digest in bodies]  # one may have been erased in between
        results = await asyncio.to_thread(lambda: [_verify(bodies[one.body_digest], trust) for one in present])
        at = self._clock.now()
        return [recheck_of(one.leaf_index, result, grounds, at) for one, result in zip(present, results, strict=True)]


def trust_digest(trust: Trust) -> str:
    """What besides the trusted root a result depends on: keys, identities, and the number of the plan."""
    return digest_of(
        canonical(
            {
                "plan": PLAN,
                "keys": sorted(key.key_id for key in trust.keys),
                "identities": sorted([rule.issuer, rule.identity or ""] for rule in trust.identities),
            }
        )
    )


def _verify(body: bytes, trust: Trust) -> Verification:
    """The result for one body. What was read once and is refused now did not verify now."""
    try:
        return verify(recognise(body), trust)
    except Refused as fault:
        return Failed(fault.code, fault.message)
