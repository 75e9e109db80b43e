"""Messages of other people's suites as ours, and whether a key signed them."""

from collections.abc import Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from evidence_api.domain.errors import EvidenceError
from evidence_api.engines.http_signatures import RegisteredKey, verify_signed
from evidence_api.formats.http_message import Message
from evidence_api.formats.http_signature import signatures

ALGORITHMS = {"secp256r1": "ecdsa-p256-sha256", "secp384r1": "ecdsa-p384-sha384"}


def message_of(start_line: str, fields: list[list[str]], scheme: str = "https") -> Message:
    """A message by its start line and field lines; a relative target is of the authority the field Host names."""
    given = tuple((name, value) for name, value in fields)
    if start_line.startswith("HTTP/"):
        return Message(given, status=int(start_line.split(" ")[1]))
    method, target, _version = start_line.split(" ")
    host = next(value for name, value in given if name.lower() == "host")
    absolute = f"{scheme}://{host}{target}" if target.startswith("/") else target
    return Message(given, method=method, target_uri=absolute, request_target=target)


def key_of(pem: str, algorithm: str | None = None) -> RegisteredKey:
    """A public key; without an algorithm, the one keys of its kind are used with."""
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
    if isinstance(key, ec.EllipticCurvePublicKey):
        usual = ALGORITHMS[key.curve.name]
    else:
        usual = "ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "rsa-pss-sha512"
    return RegisteredKey(algorithm or usual, key)


def is_signed(message: Message, label: str, keys: Mapping[str, RegisteredKey]) -> bool:
    """Whether the signature of that label was made by the key it names."""
    try:
        found = {one.label: one for one in signatures(message)}[label]
        verify_signed(message, found, keys[found.input.text("keyid") or ""])
    except EvidenceError:
        return False
    return True
