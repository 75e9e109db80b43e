"""Checking in processes of their own, the near end: a body and a tenant's trust become a draft of their row.

Nothing a sender wrote is parsed in the server's own process: whatever it does to the one that reads it, nobody else
notices (engines/worker_pool.py).
"""

import asyncio
from dataclasses import astuple

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.statement import Subject
from evidence_api.engines.worker_lane import Shared
from evidence_api.engines.worker_pool import WorkerPool
from evidence_api.use_cases.check import Trust
from evidence_api.use_cases.draft_worker import trust_to_plain

_KEPT = 1024


class Drafts:
    """Asks the workers."""

    def __init__(self, workers: WorkerPool) -> None:
        self.workers = workers
        self._shared: dict[int, tuple[Trust, Shared]] = {}  # by identity: a trust is the same object for a while

    def ask(self, body: bytes, trust: Trust, subjects: tuple[Subject, ...] = ()) -> "asyncio.Future[object]":
        """The answer to come, for `from_plain`, which raises a refusal that came instead. Raises Overloaded."""
        shared = self._shared.get(id(trust))
        named = tuple((one.name, dict(one.digest)) for one in subjects)
        known = shared[1] if shared is not None else self._share(trust)
        return self.workers.ask((known.name, body, named), known, len(body))

    def _share(self, trust: Trust) -> Shared:
        """Its name is its content's, so that a trust read again and unchanged is not told again."""
        keys = [[key.key_id, key.name] for key in trust.keys]
        identities = [list(astuple(one)) for one in trust.identities]
        root = trust.verifier.digest if trust.verifier is not None else None
        made = Shared(digest_of(canonical([keys, identities, root])), trust_to_plain(trust))
        if len(self._shared) >= _KEPT:
            self._shared.clear()
        self._shared[id(trust)] = (trust, made)
        return made
