"""OIDC: verifies the token a CI system gave one of its jobs. What it says is believed only past the last step.

The plan (RFC 8725, "JSON Web Token Best Current Practices"; OpenID Connect Core section 3.1.3.7), and the codes:
  1. three parts of bounded size, with a key id and an algorithm of the issuer's fixed list:
     token_too_large, token_malformed, algorithm_refused
  2. the key is one of the issuer's now (engines/oidc_keys.py): key_unknown, issuer_unavailable
  3. the signature is that key's, by the one algorithm that keys of its type are used with: bad_signature
  4. `iss` is the issuer asked for, `aud` is ours alone: issuer_mismatch, audience_mismatch
  5. `iat`, `nbf` are past and `exp` is not, within ten seconds, and a token lives a day at most:
     token_expired, token_from_the_future, token_lifetime
  6. it has an id (`jti`), by which it can be spent once: token_not_single_use
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from jwt import PyJWK

from evidence_api.domain.errors import TooLarge, Unauthenticated
from evidence_api.engines.clock import Clock
from evidence_api.engines.oidc_keys import IssuerKeys

MAX_TOKEN = 16 * 1024
MAX_JTI = 512
LEEWAY = timedelta(seconds=10)
MAX_LIFETIME = timedelta(hours=24)
# GitHub and GitLab sign with RSA alone; issuers of one's own may use either.
_ONLY_RSA = ("https://token.actions.githubusercontent.com", "https://gitlab.com")
_RSA, _RSA_OR_EC = ("RS256",), ("RS256", "ES256")

_CODES: Mapping[type[jwt.PyJWTError], str] = {
    jwt.InvalidSignatureError: "bad_signature",
    jwt.InvalidAlgorithmError: "algorithm_refused",
    jwt.InvalidAudienceError: "audience_mismatch",
    jwt.InvalidIssuerError: "issuer_mismatch",
    jwt.MissingRequiredClaimError: "claim_missing",
}


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token every check of which held; `claims` as the issuer signed them."""

    issuer: str
    jti: str
    claims: Mapping[str, Any]
    expires: datetime


def algorithms_of(issuer: str) -> Sequence[str]:
    """The signature algorithms an issuer's tokens may have, whatever the token says."""
    only_rsa = any(issuer == one or issuer.startswith(f"{one}/") for one in _ONLY_RSA)
    return _RSA if only_rsa else _RSA_OR_EC


def claimed_issuer(token: str) -> str:
    """The `iss` a token claims, unverified: good for finding whom to ask, and nothing else. Raises as `verify`."""
    if len(token) > MAX_TOKEN:
        raise TooLarge(f"a token of {len(token)} characters", code="token_too_large", limit=MAX_TOKEN, value=len(token))
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError) as fault:
        raise Unauthenticated(f"not a JSON Web Token: {fault}", code="token_malformed") from fault
    if not isinstance(issuer, str):
        raise Unauthenticated("the token names no issuer", code="claim_missing", path="iss")
    return issuer


class TokenVerifier:
    """Verifies tokens of issuers the caller trusts already."""

    def __init__(self, keys: IssuerKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str, *, issuer: str, audience: str) -> VerifiedToken:
        """Run the plan. Raises Unauthenticated with the step's code, TooLarge, Undecided `issuer_unavailable`."""
        claimed_issuer(token)  # 1. bounds and shape
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as fault:
            raise Unauthenticated(f"not a JSON Web Token: {fault}", code="token_malformed") from fault
        algorithms = algorithms_of(issuer)
        if header.get("alg") not in algorithms:
            named = str(header.get("alg"))[:40]
            raise Unauthenticated(
                f"algorithm {named!r}, where tokens of {issuer} have {' or '.join(algorithms)}",
                code="algorithm_refused",
            )
        kid = header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise Unauthenticated("the token does not name its key", code="token_malformed", path="kid")
        key = await self._keys.key(issuer, kid)  # 2.
        claims = _signed_claims(token, key, issuer=issuer, audience=audience)  # 3. and 4.
        expires = self._in_time(claims)  # 5.
        jti = claims.get("jti")  # 6.
        if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI or not jti.isprintable():
            raise Unauthenticated(
                f"the token has no id (jti) of 1 to {MAX_JTI} printable characters, so it could be used twice",
                code="token_not_single_use",
                path="jti",
            )
        return VerifiedToken(issuer, jti, claims, expires)

    def _in_time(self, claims: Mapping[str, Any]) -> datetime:
        """Step 5, by our own clock. Gives the end of the token's life."""
        now = self._clock.now()
        expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
        begins = _moment(claims, "nbf") if "nbf" in claims else issued
        if expires <= now - LEEWAY:  # added to our time, as the token's may be the last there is
            raise Unauthenticated(f"the token ended {expires:%Y-%m-%d %H:%M:%S} UTC", code="token_expired", path="exp")
        if max(issued, begins) > now + LEEWAY:
            raise Unauthenticated(
                f"the token begins {max(issued, begins):%Y-%m-%d %H:%M:%S} UTC, which is still to come",
                code="token_from_the_future",
                path="iat" if issued >= begins else "nbf",
            )
        if expires - issued > MAX_LIFETIME:
            raise Unauthenticated(
                "the token lives longer than a day",
                code="token_lifetime",
                limit=int(MAX_LIFETIME.total_seconds()),
                value=int((expires - issued).total_seconds()),
            )
        return expires


def _signed_claims(token: str, key: PyJWK, *, issuer: str, audience: str) -> dict[str, Any]:
    """Steps 3 and 4. The key decides the algorithm, so a token cannot choose how its key is used."""
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=audience,
            issuer=issuer,
            options={
                "require": ["iss", "aud", "exp", "iat"],
                "strict_aud": True,
                "verify_exp": False,  # by our own clock
                "verify_iat": False,  # the same
                "verify_nbf": False,  # the same
                "verify_jti": False,  # by ourselves, as it must be there
                "verify_sub": False,  # compared with the rules
            },
        )
    except jwt.InvalidAudienceError as fault:
        got = jwt.decode(token, options={"verify_signature": False}).get("aud")
        raise Unauthenticated(
            f"the token is for {str(got)[:200]!r}, where {audience} alone is asked for",
            code="audience_mismatch",
            path="aud",
            expected=audience,
        ) from fault
    except (jwt.PyJWTError, ValueError) as fault:
        code = next((code for kind, code in _CODES.items() if isinstance(fault, kind)), "token_malformed")
        raise Unauthenticated(f"the token does not hold: {fault}", code=code) from fault


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    """A NumericDate (RFC 7519 section 2) as a moment. Raises Unauthenticated for anything else."""
    value = claims[name]
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as fault:
        raise Unauthenticated(f"{name} is no time", code="token_malformed", path=name) from fault
    raise Unauthenticated(f"{name} is no time", code="token_malformed", path=name)
