"""Exchange: a CI job's OIDC token becomes an upload token of fifteen minutes. No secret is kept anywhere for it.

The plan:
  1. the token's unverified issuer picks the tenant's rules about it; none: issuer_unknown     domain/trust_rule.py
  2. every check of the token, for this server and this tenant alone                           engines/oidc.py
  3. policy area `exchange` (Rego): a rule names the job, or the closest is told               policy/exchange
  4. the token is spent and the upload token recorded, with all the issuer vouched for, in one transaction; of several
     requests with one token exactly one gets here, the others are told: replayed
A refusal past step 2 is put on record like every other; before it nobody is known who could be named.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from evidence_api.domain import ci_identity
from evidence_api.domain.ci_identity import CiIdentity
from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import Denied, Forbidden, NotFound, Unauthenticated
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.token import new_token, token_hash
from evidence_api.domain.trust_rule import TenantRules
from evidence_api.engines.clock import Clock
from evidence_api.engines.oidc import TokenVerifier, VerifiedToken, claimed_issuer
from evidence_api.store import decisions, refusals, tenants, upload_tokens
from evidence_api.store.refusals import Refusal
from evidence_api.store.session import Database
from evidence_api.store.upload_tokens import NewUploadToken
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.trust import TrustBook

LIFETIME = timedelta(minutes=15)
_KIND = "upload"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """An upload token at the one moment its text is known; `rules` are the names of the rules that allowed it."""

    token: str
    tenant: str
    expires: datetime
    rules: tuple[str, ...]


class Exchange:
    """Exchanges tokens. `public_url` is what clients call this server, None to exchange nothing."""

    def __init__(  # noqa: PLR0913, PLR0917  one argument for each thing the plan needs
        self,
        database: Database,
        trust: TrustBook,
        verifier: TokenVerifier,
        gate: Gate,
        clock: Clock,
        public_url: str | None,
    ) -> None:
        self._database = database
        self._trust = trust
        self._verifier = verifier
        self._gate = gate
        self._clock = clock
        self._public_url = public_url

    async def exchange(self, token: str, tenant: str) -> Exchanged:
        """Run the plan. Raises Unauthenticated and Forbidden with the step's code, TooLarge, Undecided."""
        if self._public_url is None:
            raise Forbidden("this server exchanges no tokens: EVIDENCE_PUBLIC_URL is not set", code="exchange_off")
        issuer = claimed_issuer(token)
        scope, rules = await self._rules_about(issuer, tenant)
        audience = ci_identity.audience(self._public_url, scope.name)
        verified = await self._verifier.verify(token, issuer=issuer, audience=audience)
        uploader = ci_identity.of_token(issuer, verified.claims)
        try:
            decision = await self._decide(scope, uploader, rules)
            made, expires = await self._spend(scope, verified, uploader, decision)
        except Denied as refusal:
            await self._put_on_record(scope, token, refusal)
            raise
        allowing = {f"trust:{rule.id}": rule.label for rule in rules.of_issuer(issuer)}
        return Exchanged(made, scope.name, expires, tuple(allowing[one] for one in decision.rules if one in allowing))

    async def _rules_about(self, issuer: str, tenant: str) -> tuple[TenantScope, TenantRules]:
        """Step 1. A tenant that is not there looks like one that does not know the issuer."""
        try:
            scope = await tenants.by_name(self._database, tenant)
            rules = await self._trust.rules(scope)
        except NotFound as fault:
            raise _issuer_unknown(issuer, tenant) from fault
        if not rules.of_issuer(issuer):
            raise _issuer_unknown(issuer, tenant)
        return scope, rules

    async def _decide(self, scope: TenantScope, uploader: CiIdentity, rules: TenantRules) -> Decision:
        """Step 3."""
        asked: dict[str, Any] = {
            "tenant": scope.name,
            "by": {
                "type": "token",
                "issuer": uploader.issuer,
                "identity": uploader.identity,
                "claims": {name: value for name, value in uploader.claims.items() if name in rules.claims},
            },
            "rules": [rule.asked() for rule in rules.of_issuer(uploader.issuer)],
        }
        decision = await self._gate.decide("exchange", asked, scope=scope)
        if not decision.allow:
            raise Forbidden(
                "; ".join(decision.reasons) or "policy gave no reason",
                code="no_trust_rule",
                rules=list(decision.rules),
                decision=decision.id,
            )
        return decision

    async def _spend(
        self, scope: TenantScope, verified: VerifiedToken, uploader: CiIdentity, decision: Decision
    ) -> tuple[str, datetime]:
        """Step 4. Commit point: a crash before it leaves the CI token unspent; after it, a token nobody was given."""
        made, now = new_token(_KIND), self._clock.now()
        record = NewUploadToken(
            token_hash=token_hash(made),
            jti=verified.jti,
            uploader=uploader,
            rules=decision.rules,
            decision=decision.id,
            created=now,
            expires=now + LIFETIME,
        )
        async with self._database.tenant(scope) as connection:
            if await upload_tokens.add(connection, scope, record) is None:
                raise Unauthenticated("this token was exchanged before; each can be once", code="replayed", path="jti")
            await decisions.keep(connection, scope, [decision], now)
        return made, record.expires

    async def _put_on_record(self, scope: TenantScope, token: str, refusal: Denied) -> None:
        body = token.encode()
        digest = f"sha256:{sha256(body).hexdigest()}"
        line = Refusal(self._clock.now(), None, refusal.code, refusal.message, digest, len(body))
        await refusals.record(self._database, scope, [line])


def _issuer_unknown(issuer: str, tenant: str) -> Forbidden:
    return Forbidden(
        f"no trust rule of tenant {tenant[:80]!r} is about issuer {issuer[:200]!r}",
        code="issuer_unknown",
        path="iss",
    )
