"""What a tenant trusts: its registered keys and identity rules, kept in memory for a moment."""

from time import monotonic
from uuid import UUID

from evidence_api.domain.principal import TenantScope
from evidence_api.engines.keys import load_public_key
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.store import trust
from evidence_api.store.session import Database
from evidence_api.use_cases.check import Trust

_KEPT_SECONDS = 2.0  # so a revoked key works at most this much longer


class TrustBook:
    """Gives each tenant's Trust, read from the store at most once in a while."""

    def __init__(self, database: Database, verifier: BundleVerifier | None) -> None:
        self._database = database
        self._verifier = verifier
        self._kept: dict[UUID, tuple[float, Trust]] = {}

    async def of(self, scope: TenantScope) -> Trust:
        """The tenant's trust now (at most two seconds old)."""
        kept = self._kept.get(scope.id)
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        async with self._database.tenant(scope) as connection:
            keys = await trust.active_keys(connection, scope)
            rules = await trust.active_identities(connection, scope)
        fresh = Trust(
            keys=tuple(load_public_key(key.pem, key.name) for key in keys),
            identities=tuple(IdentityRule(rule.issuer, rule.identity) for rule in rules),
            verifier=self._verifier,
        )
        self._kept[scope.id] = (monotonic() + _KEPT_SECONDS, fresh)
        return fresh
