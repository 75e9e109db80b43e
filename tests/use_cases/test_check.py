"""Checking an upload: parsed, verified, read and named, with failures kept as results."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from evidence_api.domain.errors import Malformed, Refused, ZeroSignatures
from evidence_api.domain.evidence import Checked
from evidence_api.domain.verification import Failed, KeySigner, Unsigned, Verified
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.formats import dsse
from evidence_api.use_cases.check import Trust, check_evidence
from tests.support.keys import fresh_keys
from tests.support.sigstore_authorities import AT, IDENTITY, ISSUER
from tests.support.sigstore_entries import by_key, intoto_v2
from tests.support.sigstore_factory import ARTIFACT_DIGEST, DEFECTS, STATEMENT, Document, Sigstore

KEYS = fresh_keys()
WORLD = Sigstore()
RULE = IdentityRule(ISSUER, IDENTITY)
TRUST = Trust(tuple(key.public(name) for name, key in KEYS.items()), (RULE,), BundleVerifier(WORLD.trusted_root()))
PROVENANCE = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "app", "digest": {"sha256": "a" * 64}}],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {
        "buildDefinition": {
            "buildType": "https://example.com/build",
            "externalParameters": {},
            "resolvedDependencies": [{"uri": "git+https://example.com/app", "digest": {"gitCommit": "b" * 40}}],
        },
        "runDetails": {"builder": {"id": "https://example.com/builder"}},
    },
}


def check(document: Any, trust: Trust = TRUST) -> Checked:  # noqa: ANN401  any JSON
    return check_evidence(orjson.dumps(document), trust)


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_an_envelope_by_a_registered_key(algorithm: str) -> None:
    envelope = KEYS[algorithm].envelope(orjson.dumps(PROVENANCE))
    body = dsse.encode_envelope(envelope)
    checked = check_evidence(body, TRUST)
    assert checked.id == dsse.identity_of(envelope)
    assert checked.body == body
    assert isinstance(checked.verification, Verified)
    assert isinstance(checked.verification.signer, KeySigner)
    assert checked.verification.signer.name == algorithm
    assert (checked.normalised.kind, checked.collected) == ("provenance", None)
    assert checked.normalised.facts["builder"] == "https://example.com/builder"
    assert checked.subjects[0].digests == ("sha256:" + "a" * 64,)


def test_an_envelope_by_a_stranger_is_kept_as_failed() -> None:
    stranger = fresh_keys()["ed25519"]
    checked = check_evidence(dsse.encode_envelope(stranger.envelope(STATEMENT)), TRUST)
    assert checked.verification == Failed("unknown_key", "none of 4 registered keys made a signature of the envelope")
    assert checked.normalised.kind == "statement"


def test_a_bundle_carries_its_signing_time() -> None:
    checked = check(WORLD.of_statement())
    assert isinstance(checked.verification, Verified)
    assert checked.collected == AT
    assert checked.predicate_type == "https://example.com/predicate/v1"


def test_a_signature_without_a_statement_is_about_its_digest() -> None:
    checked = check(WORLD.of_message())
    assert isinstance(checked.verification, Verified)
    assert checked.normalised.kind == "signature"
    assert checked.normalised.facts == {"algorithm": "sha256"}
    assert checked.subjects[0].digests == (ARTIFACT_DIGEST,)
    assert checked.predicate_type == ""


@pytest.mark.parametrize("make", DEFECTS, ids=lambda make: make.__name__)
def test_no_defect_is_ever_verified(make: Callable[[Sigstore], Document]) -> None:
    try:
        checked = check(make(WORLD))
    except Refused as fault:
        assert fault.code == "malformed"  # noqa: PT017  either way is right: refused, or kept as failed
    else:
        assert isinstance(checked.verification, Failed)
        assert checked.collected is None


def test_a_bundle_without_a_trusted_root_or_a_rule_fails() -> None:
    bundle = WORLD.of_statement()
    codes = [
        check(bundle, trust).verification.code  # type: ignore[union-attr]
        for trust in (Trust(), Trust(verifier=TRUST.verifier))
    ]
    assert codes == ["trusted_root_missing", "identity_required"]


def test_a_pep_740_attestation_is_the_bundle_it_says() -> None:
    bundle = WORLD.of_statement()
    attestation = {
        "version": 1,
        "verification_material": {
            "certificate": bundle["verificationMaterial"]["certificate"]["rawBytes"],
            "transparency_entries": bundle["verificationMaterial"]["tlogEntries"],
        },
        "envelope": {
            "statement": bundle["dsseEnvelope"]["payload"],
            "signature": bundle["dsseEnvelope"]["signatures"][0]["sig"],
        },
    }
    checked = check(attestation)
    assert isinstance(checked.verification, Verified)
    assert checked.id == check(bundle).id
    assert checked.body == orjson.dumps(attestation)


def test_a_bare_statement_is_unsigned() -> None:
    checked = check_evidence(STATEMENT, TRUST)
    assert checked.verification == Unsigned()
    assert checked.subjects[0].name == "widget"


@pytest.mark.parametrize("hint", ["", "as another tool names it", "its own"])
def test_a_managed_key_bundle_is_checked_with_the_key_it_names_or_whose_signature_it_is(hint: str) -> None:
    key = KEYS["ecdsa-p256"]
    bundle = by_key(WORLD, key, intoto_v2)
    bundle["verificationMaterial"]["publicKey"]["hint"] = key.public().key_id if hint == "its own" else hint
    verification = check(bundle).verification
    assert isinstance(verification, Verified)
    assert isinstance(verification.signer, KeySigner)
    assert verification.signer.key_id == key.public().key_id


def test_a_managed_key_bundle_of_a_stranger_is_by_an_unknown_key_and_a_hint_decides_nothing() -> None:
    bundle = by_key(WORLD, fresh_keys()["ecdsa-p256"], intoto_v2)
    bundle["verificationMaterial"]["publicKey"]["hint"] = ""
    assert check(bundle).verification.code == "unknown_key"  # type: ignore[union-attr]
    bundle["verificationMaterial"]["publicKey"]["hint"] = KEYS["ecdsa-p256"].public().key_id
    assert check(bundle).verification.code == "bad_signature"  # type: ignore[union-attr]


def test_what_cannot_be_read_is_refused() -> None:
    key = KEYS["ed25519"]
    for payload, kind in ((b"text", dsse.IN_TOTO), (STATEMENT, "text/plain"), (b"{}", dsse.IN_TOTO)):
        with pytest.raises(Malformed):
            check_evidence(dsse.encode_envelope(key.envelope(payload, payload_type=kind)), TRUST)
    with pytest.raises(ZeroSignatures):
        check({"payload": "e30=", "payloadType": dsse.IN_TOTO, "signatures": []})
    repeated = STATEMENT.replace(b'"colour"', b'"colour":"red","colour"')
    with pytest.raises(Malformed, match="repeats a key"):
        check_evidence(dsse.encode_envelope(key.envelope(repeated)), TRUST)
