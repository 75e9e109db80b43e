"""Rules of past assessments, by digest: kept loaded, a few at a time, with the engine that evaluates them."""

import asyncio
from collections import OrderedDict

from evidence_api.engines.rego import RegoPool, policy_bundle
from evidence_api.formats.catalog import load_catalog
from evidence_api.use_cases.evaluate import CATALOG_MODULE
from evidence_api.use_cases.replay_trials import Rules

_KEPT = 8
_AT_ONCE = 2  # readers whose verdicts are evaluated again at the same time


class RecordedRules:
    """Shared by all sessions of a server: what is kept is the operator's, and the same for every tenant."""

    def __init__(self, rego: RegoPool) -> None:
        self.rego = rego
        self.turn = asyncio.Semaphore(_AT_ONCE)
        self._kept: OrderedDict[tuple[str, str], Rules] = OrderedDict()

    def known(self, catalog: str, policy: str) -> Rules | None:
        """Those of these two digests, if they are loaded."""
        if (catalog, policy) in self._kept:
            self._kept.move_to_end((catalog, policy))
        return self._kept.get((catalog, policy))

    def keep(self, catalog: str, policy: str, read: tuple[dict[str, str], dict[str, str], bytes]) -> Rules:
        """Load them from what is on record. Raises InvalidSource."""
        sources, modules, data = read
        own = {name: text for name, text in modules.items() if name != CATALOG_MODULE}
        rules = self._kept[catalog, policy] = Rules(load_catalog(sources, recorded=True), policy_bundle(own, data))
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return rules
