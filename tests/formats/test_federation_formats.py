"""Key sets, federation files and registries: what is taken, and what is refused with its code and place."""

import json

import pytest

from evidence_api.domain.errors import EvidenceError, InvalidSource
from evidence_api.formats.content_digest import check_content_digest, content_digest
from evidence_api.formats.federation_file import parse_members
from evidence_api.formats.jwks import parse_jwks, to_jwks
from evidence_api.formats.signature_agents import card_keys, parse_registry

# RFC 8037 appendix A.3; and the Ed25519 key of RFC 9421 appendix B.1.4, whose thumbprint drafts of signed agents print.
KEYS = {
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs": "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U",
}
MEMBER = """\
  - name: north
    url: https://evidence.north.example
    tenant: acme
    fingerprint: poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U
"""


def jwks(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def jwk(x: str, **more: object) -> dict[str, object]:
    return {"kty": "OKP", "crv": "Ed25519", "x": x, **more}


def test_a_key_is_known_by_its_thumbprint_whatever_it_calls_itself() -> None:
    found = parse_jwks(jwks(*(jwk(x, kid="another name") for x in KEYS), {"kty": "RSA", "n": "AQ", "e": "AQAB"}))
    assert [key.key_id for key in found] == list(KEYS.values())
    assert parse_jwks(json.dumps(to_jwks(found)).encode()) == found


def test_key_sets_that_are_none_are_refused() -> None:
    x = next(iter(KEYS))
    for wrong, path in (
        (b"[]", "keys"),
        (jwks(), "keys"),
        (jwks({"kty": "RSA"}), "keys"),
        (jwks(1), "keys[0]"),
        (jwks(jwk(x, d="AAAA")), "keys[0].d"),
        (jwks(jwk(x[:-1] + "p")), "keys[0].x"),  # the same bytes, written otherwise
        (jwks(jwk("AAAA")), "keys[0].x"),
        (jwks(jwk("not base64!")), "keys[0].x"),
    ):
        with pytest.raises(EvidenceError) as refused:
            parse_jwks(wrong)
        assert (refused.value.code, refused.value.fields["path"]) == ("jwks", path), wrong
    with pytest.raises(EvidenceError) as many:
        parse_jwks(jwks(*[jwk(x)] * 17))
    assert many.value.code == "too_large"


def test_members_are_read_with_every_fault_at_its_place() -> None:
    (north,) = parse_members("members:\n" + MEMBER, "federation.yaml")
    assert (north.name, north.tenant, north.log_key) == ("north", "acme", "")
    wrong = "members:\n" + MEMBER + MEMBER + "  - name: south\n    uri: x\n  - 1\n" + MEMBER.replace("poqkL", "+")
    with pytest.raises(InvalidSource) as refused:
        parse_members(wrong, "federation.yaml")
    assert [(fault.line, fault.code) for fault in refused.value.faults] == [
        (6, "duplicate_member"), (11, "unknown_key"), (12, "member"), (16, "fingerprint"),
    ]  # fmt: skip
    for empty in ("", "members: []", "other: 1", "- 1"):
        with pytest.raises(InvalidSource):
            parse_members(empty, "federation.yaml")


def test_a_digest_must_be_there_known_and_right() -> None:
    check_content_digest(content_digest(b"x"), b"x")
    check_content_digest(content_digest(b"x") + ", crc32c=:AAAA:", b"x")
    for value, code in (
        (content_digest(b"y"), "digest_mismatch"),
        (content_digest(b"x") + ", sha-512=:AAAA:", "digest_mismatch"),
        ("md5=:AAAA:", "content_digest"),
        ("sha-256=1", "content_digest"),
        ("", "content_digest"),
        (content_digest(b"y") + ", " + content_digest(b"x"), "content_digest"),
    ):
        with pytest.raises(EvidenceError) as refused:
            check_content_digest(value, b"x")
        assert refused.value.code == code, value


def test_registries_and_cards() -> None:
    text = "\ufeff# agents\r\nhttps://a.example/card#part # primary\n\n\thttps://b.example/card\t# second\n"
    assert parse_registry(text) == ("https://a.example/card#part", "https://b.example/card")
    with pytest.raises(EvidenceError) as refused:
        parse_registry("https://a.example/card\nno url\n")
    assert (refused.value.code, refused.value.fields["line"]) == ("registry", 2)
    assert card_keys(b'{"client_name": "a", "jwks_uri": "https://a.example/jwks"}') == "https://a.example/jwks"
    held = card_keys(json.dumps({"client_name": "a", "keys": [jwk(next(iter(KEYS)))]}).encode())
    assert [key.key_id for key in held if not isinstance(key, str)] == [KEYS[next(iter(KEYS))]]
