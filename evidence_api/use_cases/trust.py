"""What a tenant trusts: its registered keys and trust rules, kept in memory for a moment."""

from time import monotonic
from uuid import UUID

from evidence_api.domain.principal import TenantScope
from evidence_api.domain.trust_rule import TenantRules
from evidence_api.engines.keys import load_public_key
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.store import trust, trust_rules
from evidence_api.store.session import Database
from evidence_api.use_cases.check import Trust
from evidence_api.use_cases.once import Once

_KEPT_SECONDS = 2.0  # so a revoked key works at most this much longer


class TrustBook:
    """Gives each tenant's Trust and trust rules, read from the store at most once in a while."""

    def __init__(self, database: Database, verifier: BundleVerifier | None) -> None:
        self._database = database
        self._verifier = verifier
        self._kept: dict[UUID, tuple[float, Trust, TenantRules]] = {}
        self._fresh = Once(self._read)
        self._forgotten = 0  # times

    async def of(self, scope: TenantScope) -> Trust:
        """The tenant's trust now (at most two seconds old): what signatures are checked against.

        Of certificates it names whose may be taken at all: the issuers of the rules, with the exact identity where a
        rule has one. The rest of a rule is compared by admission.
        """
        kept = self._kept.get(scope.id)
        return kept[1] if kept is not None and kept[0] > monotonic() else (await self._fresh(scope))[0]

    async def rules(self, scope: TenantScope) -> TenantRules:
        """The tenant's trust rules now (at most two seconds old)."""
        kept = self._kept.get(scope.id)
        return kept[2] if kept is not None and kept[0] > monotonic() else (await self._fresh(scope))[1]

    def forget(self, scope: TenantScope) -> None:
        """Read the tenant's trust again the next time: this process has changed it."""
        self._kept.pop(scope.id, None)
        self._fresh.forget(scope)
        self._forgotten += 1

    async def _read(self, scope: TenantScope) -> tuple[Trust, TenantRules]:
        begun = self._forgotten
        async with self._database.tenant(scope) as connection:
            keys = await trust.active_keys(connection, scope)
            rules = TenantRules(await trust_rules.active(connection, scope))
        fresh = Trust(
            keys=tuple(load_public_key(key.pem, key.name) for key in keys),
            identities=tuple(
                IdentityRule(rule.issuer, rule.identity or None, rule.label) for rule in rules.by_issuer()
            ),
            verifier=self._verifier,
        )
        if begun == self._forgotten:  # else what was read may be of before the change
            self._kept[scope.id] = (monotonic() + _KEPT_SECONDS, fresh, rules)
        return fresh, rules
