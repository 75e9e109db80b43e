"""Signed agents as others test them: their requests, taken while they are of now, and the registries that list them."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from evidence_api.domain.errors import EvidenceError
from evidence_api.engines.http_signatures import RegisteredKey, verify_signed
from evidence_api.formats.http_message import Message
from evidence_api.formats.http_signature import Signed, signatures, time_fault
from evidence_api.formats.signature_agents import parse_registry
from tests.support.conformance import cases, show_table, suite

SUITE = "rfc9421-web-bot-auth"
JWS_ALGORITHMS = {"PS512": "rsa-pss-sha512", "RS256": "rsa-v1_5-sha256"}


def number(text: str) -> int:
    return int.from_bytes(raw(text), "big")


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key_of(jwk: Mapping[str, Any]) -> RegisteredKey:
    """A public JSON Web Key (RFC 7517)."""
    if jwk["kty"] == "OKP":
        return RegisteredKey("ed25519", ed25519.Ed25519PublicKey.from_public_bytes(raw(jwk["x"])))
    if jwk["kty"] == "EC":
        point = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1())
        return RegisteredKey("ecdsa-p256-sha256", point.public_key())
    algorithm = JWS_ALGORITHMS.get(str(jwk.get("alg")), "rsa-pss-sha512")
    return RegisteredKey(algorithm, rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key())


def flat(value: Any, into: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """The members of an example by their names alone, however deep they stand; a key stays whole."""
    found: dict[str, Any] = {} if into is None else into
    if isinstance(value, dict):
        for name, one in value.items():
            plain = name.lower().replace("-", "_")
            if isinstance(one, dict) and "kty" not in one:
                flat(one, found)
            else:
                found.setdefault(plain, one)
    return found


def said(members: Mapping[str, Any], *names: str) -> str:
    return next((members[name] for name in names if isinstance(members.get(name), str)), "")


def request_of(members: Mapping[str, Any]) -> Message:
    url = said(members, "target_url", "url", "target_uri", "uri")
    label = said(members, "label") or "sig1"
    fields = [(name.replace("_", "-"), said(members, name)) for name in ("signature_input", "signature")]
    labelled = [(name, value if f"{label}=" in value else f"{label}={value}") for name, value in fields]
    agent = said(members, "signature_agent", "signature_agent_header")
    more = [("signature-agent", agent)] if agent else []
    return Message((*labelled, *more), method=said(members, "method") or "GET", target_uri=url)


def is_taken(message: Message, signed: Signed, key: RegisteredKey, at: float) -> bool:
    try:
        verify_signed(message, signed, key)
    except EvidenceError:
        return False
    return not time_fault(signed.input, at)


def decide(example: Mapping[str, Any]) -> str:
    """ "" if it is decided as it should be, "skipped", or what is wrong."""
    if "registry_txt" in example:
        listed = list(parse_registry(example["registry_txt"]))
        return "" if listed == example["signature_agent_cards"] else f"registry {listed}"
    members = flat(example)
    key = next((members[name] for name in ("key", "jwk", "public_key") if isinstance(members.get(name), dict)), None)
    if key is None or not said(members, "signature") or not said(members, "signature_input"):
        return "skipped"
    message = request_of(members)
    (signed,) = signatures(message)
    created, expires = signed.input.seconds("created"), signed.input.seconds("expires")
    if created is None or expires is None:
        return "no window"
    inside, after = is_taken(message, signed, key_of(key), created), is_taken(message, signed, key_of(key), expires + 1)
    return "" if inside and not after else f"taken {inside}, after its end {after}"


def examples() -> Iterator[tuple[str, Mapping[str, Any]]]:
    folder = suite(SUITE)
    for case in cases(SUITE):
        for file in case["files"]:
            document = json.loads((folder / file).read_text())
            for example in document if isinstance(document, list) else [document]:
                yield case["case"], example


@pytest.mark.conformance
def test_every_shared_agent_is_decided_as_expected(capsys: pytest.CaptureFixture[str]) -> None:
    found = [(case, decide(example)) for case, example in list(examples())]
    wrong = [f"{case}: {fault}" for case, fault in found if fault not in {"", "skipped"}]
    right, skipped = sum(not fault for _, fault in found), sum(fault == "skipped" for _, fault in found)
    show_table(capsys, f"{SUITE}: right {right}, wrong {len(wrong)}, skipped {skipped}", wrong)
    assert not wrong
    assert right > 0
