"""Tokens of CI jobs, good and bad, against an issuer that rotates its keys, fails and lies."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.errors import Denied, EvidenceError, TooLarge, Undecided
from evidence_api.engines.oidc import MAX_TOKEN, TokenVerifier, algorithms_of, claimed_issuer
from evidence_api.engines.oidc_keys import COOLDOWN, FRESH, KEPT, MAX_ANSWER, MAX_KEYS, IssuerKeys
from tests.support.checked import SteppingClock
from tests.support.issuer import (
    DISCOVERY,
    JWKS,
    FakeIssuer,
    base64url,
    compact,
    hmac_with_public_key,
    jwk,
    rsa_key,
    signed,
)

AUDIENCE = "https://evidence.example/acme"


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    async with FakeIssuer() as made:
        yield made


@pytest.fixture
def verifier(clock: SteppingClock) -> TokenVerifier:
    return TokenVerifier(IssuerKeys(clock, loopback=True), clock)


def _dotted(parts: tuple[str, str]) -> str:
    """Header and payload of exactly these texts, unsigned."""
    return ".".join(base64url(part.encode()) for part in parts) + "."


async def code_of(verifier: TokenVerifier, issuer: FakeIssuer, token: str) -> str:
    """What the token is refused with; "" if it is good."""
    try:
        await verifier.verify(token, issuer=issuer.url, audience=AUDIENCE)
    except EvidenceError as refused:
        return refused.code
    return ""


async def test_a_good_token(verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock) -> None:
    claims = issuer.claims(clock.now(), AUDIENCE, repository_id="1", jti="once")
    found = await verifier.verify(issuer.token(claims), issuer=issuer.url, audience=AUDIENCE)
    assert (found.issuer, found.jti, found.claims["repository_id"]) == (issuer.url, "once", "1")
    assert found.expires.timestamp() == claims["exp"]


async def test_an_elliptic_key_of_an_issuer_of_ones_own(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock
) -> None:
    issuer.keys["key-2"] = ec.generate_private_key(ec.SECP256R1())
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE), "key-2")) == ""


def test_algorithms_are_fixed_by_issuer() -> None:
    assert algorithms_of("https://token.actions.githubusercontent.com") == ("RS256",)
    assert algorithms_of("https://token.actions.githubusercontent.com/acme") == ("RS256",)
    assert algorithms_of("https://gitlab.com") == ("RS256",)
    assert algorithms_of("https://gitlab.com.example") == ("RS256", "ES256")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"aud": "https://evidence.example/rival"}, "audience_mismatch"),
        ({"aud": "https://evidence.example"}, "audience_mismatch"),
        ({"aud": [AUDIENCE, "https://elsewhere.example"]}, "audience_mismatch"),
        ({"aud": [AUDIENCE]}, "audience_mismatch"),
        ({"aud": None}, "claim_missing"),
        ({"exp": None}, "claim_missing"),
        ({"iat": None}, "claim_missing"),
        ({"exp": "soon"}, "token_malformed"),
        ({"exp": True}, "token_malformed"),
        ({"exp": 1e300}, "token_malformed"),
        ({"iat": []}, "token_malformed"),
        ({"nbf": {}}, "token_malformed"),
        ({"jti": None}, "token_not_single_use"),
        ({"jti": ""}, "token_not_single_use"),
        ({"jti": 7}, "token_not_single_use"),
        ({"jti": "x" * 513}, "token_not_single_use"),
        ({"jti": "\x00"}, "token_not_single_use"),
        ({"iss": "https://elsewhere.example"}, "issuer_mismatch"),
    ],
)
async def test_claims_that_do_not_hold(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock, changed: dict[str, Any], code: str
) -> None:
    token = issuer.token(issuer.claims(clock.now(), AUDIENCE, **changed))
    assert await code_of(verifier, issuer, token) == code


_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # the seconds that a datetime begins and ends with


@pytest.mark.parametrize(
    ("exp", "iat", "code"),
    [
        (-9, -100, ""),  # within the leeway
        (-11, -100, "token_expired"),
        (300, 9, ""),
        (300, 12, "token_from_the_future"),
        (86_400 + 60, 0, "token_lifetime"),
    ],
)
async def test_times(  # noqa: PLR0913, PLR0917  fixtures, and one argument for each time
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock, exp: int, iat: int, code: str
) -> None:
    at = int(clock.now().timestamp())
    token = issuer.token(issuer.claims(clock.now(), AUDIENCE, exp=at + exp, iat=at + iat, nbf=at + iat))
    assert await code_of(verifier, issuer, token) == code


@pytest.mark.parametrize(
    ("exp", "iat", "code"),
    [
        (_LAST, None, "token_lifetime"),
        (_FIRST, None, "token_expired"),
        (None, _FIRST, "token_lifetime"),
        (_LAST, _LAST, "token_from_the_future"),
    ],
)
async def test_the_first_and_last_times_there_are(  # noqa: PLR0913, PLR0917  as above
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock, exp: int | None, iat: int | None, code: str
) -> None:
    at = int(clock.now().timestamp())
    begins = at if iat is None else iat
    times = {"exp": at + 300 if exp is None else exp, "iat": begins, "nbf": begins}
    token = issuer.token(issuer.claims(clock.now(), AUDIENCE, **times))
    assert await code_of(verifier, issuer, token) == code


async def test_not_before_is_later_than_issued(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock
) -> None:
    at = int(clock.now().timestamp())
    token = issuer.token(issuer.claims(clock.now(), AUDIENCE, nbf=at + 60))
    with pytest.raises(Denied) as refused:
        await verifier.verify(token, issuer=issuer.url, audience=AUDIENCE)
    assert (refused.value.code, refused.value.fields["path"]) == ("token_from_the_future", "nbf")


async def test_forged_signatures(verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock) -> None:
    claims = issuer.claims(clock.now(), AUDIENCE)
    stranger = rsa_key(1)
    forged = {
        "another key": (compact({"alg": "RS256", "kid": "key-1"}, claims, lambda data: signed(stranger, data))),
        "none": compact({"alg": "none", "kid": "key-1"}, claims, lambda _: b""),
        "no algorithm": compact({"kid": "key-1"}, claims, lambda _: b""),
        "public key as secret": compact({"alg": "HS256", "kid": "key-1"}, claims, hmac_with_public_key(rsa_key())),
        "another algorithm": compact({"alg": "RS512", "kid": "key-1"}, claims, lambda data: signed(rsa_key(), data)),
        "EC algorithm, RSA key": compact({"alg": "ES256", "kid": "key-1"}, claims, lambda _: b"\1" * 64),
        "embedded key": compact(
            {"alg": "RS256", "kid": "key-1", "jwk": jwk("key-1", stranger)}, claims, lambda data: signed(stranger, data)
        ),
        "unknown critical header": issuer.token(claims, crit=["odd"], odd=1),
        "no key id": compact({"alg": "RS256"}, claims, lambda data: signed(rsa_key(), data)),
        "unknown key id": compact({"alg": "RS256", "kid": "../key-1"}, claims, lambda data: signed(rsa_key(), data)),
        "other claims": ".".join(
            [*issuer.token(claims | {"sub": "x"}).split(".")[:2], issuer.token(claims).split(".")[2]]
        ),
    }
    found = {name: await code_of(verifier, issuer, token) for name, token in forged.items()}
    assert found == {
        "another key": "bad_signature",
        "none": "algorithm_refused",
        "no algorithm": "algorithm_refused",
        "public key as secret": "algorithm_refused",
        "another algorithm": "algorithm_refused",
        "EC algorithm, RSA key": "algorithm_refused",
        "embedded key": "bad_signature",
        "unknown critical header": "token_malformed",
        "no key id": "token_malformed",
        "unknown key id": "key_unknown",
        "other claims": "bad_signature",
    }


async def test_two_keys_of_one_id_name_neither(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock
) -> None:
    issuer.keys["key-2"] = rsa_key(1)
    issuer.listed = [jwk("key-1", rsa_key()), jwk("key-1", rsa_key(1)), jwk("key-2", rsa_key(1))]
    claims = issuer.claims(clock.now(), AUDIENCE)
    assert await code_of(verifier, issuer, issuer.token(claims)) == "key_unknown"
    assert await code_of(verifier, issuer, issuer.token(claims, "key-2")) == ""


async def test_keys_for_other_uses_are_not_used(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock
) -> None:
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505  that it is refused is the point
    odd = {
        "enc": jwk("enc", rsa_key(), use="enc"),
        "rs512": jwk("rs512", rsa_key(), alg="RS512"),
        "secret": {"kid": "secret", "kty": "oct", "k": "AAAA"},
        "private": jwk("private", rsa_key(), d="AAAA"),
        "short": jwk("short", short),
        "broken": {"kid": "broken", "kty": "RSA", "n": "!", "e": "AQAB"},
        "point": {**jwk("point", ec.generate_private_key(ec.SECP256R1())), "x": "AAAA"},
        "curve": {"kid": "curve", "kty": "EC", "crv": "P-521", "x": "AAAA", "y": "AAAA"},
    }
    issuer.listed = [jwk("key-1", rsa_key()), *odd.values(), {"kty": "RSA"}, "no key"]  # type: ignore[list-item]
    claims = issuer.claims(clock.now(), AUDIENCE)
    assert await code_of(verifier, issuer, issuer.token(claims)) == ""
    for kid in odd:
        token = compact({"alg": "RS256", "kid": kid}, claims, lambda data: signed(rsa_key(), data))
        assert await code_of(verifier, issuer, token) == "key_unknown", kid


async def test_a_rotated_key_is_found_after_the_cooldown(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock
) -> None:
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))) == ""
    issuer.keys = {"key-2": rsa_key(1)}
    for _ in range(5):  # nobody who sends tokens decides how often the issuer is asked
        assert (
            await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE), "key-2"))
            == "key_unknown"
        )
    assert issuer.asked[JWKS] == 1
    clock.advance(COOLDOWN)
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE), "key-2")) == ""
    assert issuer.asked[JWKS] == 2
    issuer.keys["key-1"] = rsa_key()
    old = issuer.token(issuer.claims(clock.now(), AUDIENCE))
    issuer.keys.pop("key-1")
    assert await code_of(verifier, issuer, old) == "key_unknown"


async def test_an_outage_does_not_stop_uploads_for_a_day(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock
) -> None:
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))) == ""
    issuer.down = True
    clock.advance(FRESH)
    for _ in range(3):
        assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))) == ""
    assert issuer.asked[DISCOVERY] == 2  # one attempt, then the cooldown
    clock.advance(KEPT)
    token = issuer.token(issuer.claims(clock.now(), AUDIENCE))
    assert await code_of(verifier, issuer, token) == "issuer_unavailable"
    issuer.down = False
    clock.advance(COOLDOWN)
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))) == ""


async def test_nobody_whose_key_is_known_waits_for_a_slow_issuer(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock
) -> None:
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))) == ""
    clock.advance(FRESH)
    issuer.open.clear()
    issuer.arrived.clear()
    asking = asyncio.create_task(code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))))
    await issuer.arrived.wait()
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))) == ""
    assert not asking.done()
    issuer.open.set()
    assert await asking == ""


async def test_many_at_once_ask_once(verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock) -> None:
    tokens = [issuer.token(issuer.claims(clock.now(), AUDIENCE)) for _ in range(20)]
    codes = await asyncio.gather(*(code_of(verifier, issuer, token) for token in tokens))
    assert set(codes) == {""}
    assert issuer.asked == {DISCOVERY: 1, JWKS: 1}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (JWKS, (200, {}, b"[" + b" " * MAX_ANSWER + b"]")),
        (JWKS, (200, {}, orjson.dumps({"keys": [{"kid": str(n)} for n in range(MAX_KEYS + 1)]}))),
        (JWKS, (200, {}, b'{"keys": []}')),
        (JWKS, (200, {}, b'{"keys": {}}')),
        (JWKS, (200, {}, b"[]")),
        (JWKS, (200, {}, b"<html>")),
        (JWKS, (200, {"Content-Encoding": "gzip"}, b"x")),
        (JWKS, (302, {"Location": JWKS}, b"")),
        (JWKS, (500, {}, b"{}")),
        (DISCOVERY, (301, {"Location": DISCOVERY}, b"")),
        (
            DISCOVERY,
            (200, {}, b'{"issuer": "https://elsewhere.example", "jwks_uri": "https://elsewhere.example/jwks"}'),
        ),
    ],
)
async def test_answers_that_are_not_used(
    verifier: TokenVerifier,
    issuer: FakeIssuer,
    clock: SteppingClock,
    path: str,
    answer: tuple[int, dict[str, str], bytes],
) -> None:
    issuer.answers[path] = answer
    token = issuer.token(issuer.claims(clock.now(), AUDIENCE))
    with pytest.raises(Undecided) as refused:
        await verifier.verify(token, issuer=issuer.url, audience=AUDIENCE)
    assert refused.value.code == "issuer_unavailable"


@pytest.mark.parametrize(
    "place", ["http://evidence.example/jwks", "file:///etc/passwd", "https://user@evidence.example/", "", "http://[", 7]
)
async def test_keys_from_odd_places_are_not_fetched(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock, place: object
) -> None:
    issuer.document["jwks_uri"] = place
    token = issuer.token(issuer.claims(clock.now(), AUDIENCE))
    assert await code_of(verifier, issuer, token) == "issuer_unavailable"


async def test_loopback_is_asked_only_where_it_may(issuer: FakeIssuer, clock: SteppingClock) -> None:
    strict = TokenVerifier(IssuerKeys(clock), clock)
    token = issuer.token(issuer.claims(clock.now(), AUDIENCE))
    assert await code_of(strict, issuer, token) == "issuer_unavailable"
    assert not issuer.asked


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "....", "é.é.é", "e30.e30.", "bnVsbA.bnVsbA.", "e30.W10."])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(Denied):
        claimed_issuer(token)


@given(st.text(max_size=40) | st.tuples(st.text(max_size=12), st.text(max_size=12)).map(_dotted))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(claimed_issuer(text), str)
    except EvidenceError as refused:
        assert refused.code in {"token_malformed", "claim_missing"}  # noqa: PT017  either way is right


@pytest.mark.parametrize("part", ["[" * 9000, '{"a":' * 1500 + "1" + "}" * 1500, '{"iss":' + "9" * 5000 + "}"])
def test_deep_and_long_json_is_refused(part: str) -> None:
    for token in (_dotted((part, "{}")), _dotted(('{"alg":"RS256"}', part))):
        with pytest.raises(Denied):
            claimed_issuer(token)


def test_a_long_token_is_not_read() -> None:
    with pytest.raises(TooLarge) as refused:
        claimed_issuer("x" * (MAX_TOKEN + 1))
    assert (refused.value.code, refused.value.fields["limit"]) == ("token_too_large", MAX_TOKEN)


async def test_a_clock_that_goes_on_during_an_outage_forgets_at_the_day(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: SteppingClock
) -> None:
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))) == ""
    issuer.down = True
    clock.advance(KEPT - timedelta(minutes=1))
    assert await code_of(verifier, issuer, issuer.token(issuer.claims(clock.now(), AUDIENCE))) == ""
