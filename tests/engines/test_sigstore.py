"""Sigstore bundles, offline: every version verifies, every defect fails under its own code, nothing slips through."""

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, Refused
from evidence_api.domain.verification import CertificateSigner, Failed, KeySigner, Verification, Verified
from evidence_api.engines.sigstore import AnyIdentity, BundleVerifier, IdentityRule
from evidence_api.formats import dsse
from evidence_api.formats.upload import BundleUpload, recognise
from tests.support import sigstore_factory as factory
from tests.support.keys import TestKey, fresh_keys
from tests.support.sigstore_authorities import AT, IDENTITY, ISSUER, START, b64
from tests.support.sigstore_check import Check
from tests.support.sigstore_entries import by_certificate, intoto_v2
from tests.support.sigstore_factory import ARTIFACT, ARTIFACT_DIGEST, DEFECTS, STATEMENT, Document, Sigstore, entry_of

WORLD = Sigstore()
VERIFIER = BundleVerifier(WORLD.trusted_root())
TRUSTED = (IdentityRule("https://elsewhere.example", IDENTITY), IdentityRule(ISSUER, IDENTITY))
GOOD = WORLD.of_statement()
VERSIONS = [factory.V01, factory.V02, factory.V03_OLD, factory.V03]
check = Check(VERIFIER, TRUSTED)


def code_of(bundle: Document, verifier: BundleVerifier = VERIFIER, **asked: Any) -> str:  # noqa: ANN401  as check
    result = check(bundle, verifier, **asked)
    return result.code if isinstance(result, Failed) else result.status


@pytest.mark.parametrize("media_type", VERSIONS)
@pytest.mark.parametrize("make", [WORLD.of_statement, WORLD.of_message])
def test_every_version_verifies(media_type: str, make: Callable[..., Document]) -> None:
    result = check(make(media_type=media_type), artifact_digest=ARTIFACT_DIGEST)
    assert isinstance(result, Verified)
    assert isinstance(result.signer, CertificateSigner)
    assert (result.signer.identity, result.signer.issuer) == (IDENTITY, ISSUER)
    assert (result.trust_root, result.signed_at) == (VERIFIER.digest, AT)
    assert "identity" in result.checks


def test_a_rekor_v2_bundle_takes_its_time_from_the_timestamp_authority() -> None:
    result = check(WORLD.of_message_v2(token_at=AT + timedelta(seconds=90)), artifact_digest=ARTIFACT_DIGEST)
    assert isinstance(result, Verified)
    assert result.signed_at == AT + timedelta(seconds=90)


@pytest.mark.parametrize("make", DEFECTS, ids=lambda make: make.__name__)
def test_every_defect_fails_under_its_own_code(make: Callable[[Sigstore], Document]) -> None:
    assert code_of(make(WORLD)) == DEFECTS[make]


def test_a_defect_fails_whoever_is_trusted_and_whatever_the_artifact() -> None:
    for make in DEFECTS:
        assert check(make(WORLD), identities=AnyIdentity()).status == "failed"


def test_only_the_identity_named_is_trusted() -> None:
    for rule in (
        IdentityRule(ISSUER, IDENTITY + "x"),
        IdentityRule(ISSUER + "x", IDENTITY),
        IdentityRule("*", "*"),
        IdentityRule("", ""),
        IdentityRule(IDENTITY, ISSUER),
    ):
        assert code_of(GOOD, identities=(rule,)) == "untrusted_identity"


def test_without_a_rule_nothing_is_verified() -> None:
    assert code_of(GOOD, identities=()) == "identity_required"


def test_any_identity_shows_the_signer_and_does_not_claim_the_check() -> None:
    result = check(GOOD, identities=AnyIdentity())
    assert isinstance(result, Verified)
    assert "identity" not in result.checks
    assert result.signer.label == IDENTITY


def test_the_artifact_must_be_what_was_signed() -> None:
    other = "sha256:" + "0" * 64
    assert code_of(GOOD, artifact_digest=other) == "subject_mismatch"
    assert code_of(WORLD.of_message(), artifact_digest=other) == "message_digest"


def test_another_instances_root_verifies_nothing() -> None:
    assert check(GOOD, BundleVerifier(Sigstore().trusted_root())).status == "failed"


@pytest.mark.parametrize(
    ("end", "expected"),
    [(AT, "verified"), (AT - timedelta(microseconds=1), "timestamp"), (AT - timedelta(seconds=1), "timestamp")],
)
def test_the_end_of_a_timestamp_authoritys_period_is_inclusive(end: datetime, expected: str) -> None:
    verifier = BundleVerifier(WORLD.trusted_root(tsa=(START, end)))
    assert code_of(WORLD.of_message_v2(token_at=AT), verifier) == expected


@pytest.mark.parametrize(
    ("period", "code"),
    [("ca", "certificate_authority_expired"), ("log", "log_key_expired"), ("ct", "signed_certificate_timestamp")],
)
def test_authority_and_logs_must_have_been_trusted_when_it_was_signed(period: str, code: str) -> None:
    second = timedelta(seconds=1)
    for start, end in ((START, AT - second), (AT + second, None)):
        assert code_of(GOOD, BundleVerifier(WORLD.trusted_root(**{period: (start, end)}))) == code
    for start, end in ((AT, AT), (START, AT), (AT, None)):
        assert code_of(GOOD, BundleVerifier(WORLD.trusted_root(**{period: (start, end)}))) == "verified"


def test_a_period_that_begins_after_today_does_not_change_the_past() -> None:
    future = datetime.now(tz=UTC) + timedelta(days=4000)
    assert code_of(GOOD, BundleVerifier(WORLD.trusted_root(log=(future, None)))) == "log_key_expired"


@pytest.mark.parametrize(("kind", "version"), [("intoto", "0.0.1"), ("rfc3161", "0.0.1"), ("dsse", "0.0.9")])
def test_other_entry_types_never_verify(kind: str, version: str) -> None:
    bundle = WORLD.of_statement()
    entry_of(bundle)["kindVersion"] = {"kind": kind, "version": version}
    assert check(bundle).status == "failed"


# --- managed keys ----------------------------------------------------------------------------------------------------

MANAGED = fresh_keys()


def managed(algorithm: str, form: str, *, entry: Document | None = None, body_key: TestKey | None = None) -> Document:
    """A bundle made with a key of ours; `entry` replaces the log entry, `body_key` the key the entry names."""
    key = MANAGED[algorithm]
    pem64 = b64((body_key or key).pem)
    if form == "message":
        digest = hashlib.sha256(ARTIFACT)
        sig = b64(key.sign(ARTIFACT))
        message_digest = {"algorithm": "SHA2_256", "digest": b64(digest.digest())}
        content = {"messageSignature": {"messageDigest": message_digest, "signature": sig}}
        spec: Document = {
            "data": {"hash": {"algorithm": "sha256", "value": digest.hexdigest()}},
            "signature": {"content": sig, "publicKey": {"content": pem64}},
        }
        body = {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}
    else:
        envelope = key.envelope(STATEMENT)
        sig = b64(envelope.signatures[0].sig)
        content = {"dsseEnvelope": orjson.loads(dsse.encode_envelope(envelope))}
        spec = {
            "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(STATEMENT).hexdigest()},
            "signatures": [{"signature": sig, "verifier": pem64}],
        }
        body = {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}
    material = {
        "publicKey": {"hint": key.public().key_id},
        "tlogEntries": [WORLD.rekor.entry(body) if entry is None else entry],
    }
    return {"mediaType": factory.V03, "verificationMaterial": material, **content}


VERIFIABLE = [("ecdsa-p256", "message"), *((algorithm, "envelope") for algorithm in MANAGED)]


@pytest.mark.parametrize(("algorithm", "form"), VERIFIABLE)
def test_a_managed_key_verifies_with_its_log_entry(algorithm: str, form: str) -> None:
    key = MANAGED[algorithm].public("release")
    result = check(managed(algorithm, form), identities=(), artifact_digest=ARTIFACT_DIGEST, key=key)
    assert isinstance(result, Verified)
    assert result.signer == KeySigner(key.key_id, algorithm, "release")
    assert (result.signed_at, result.trust_root) == (AT, VERIFIER.digest)


@pytest.mark.parametrize(("algorithm", "form"), VERIFIABLE)
def test_without_the_key_or_with_another_it_fails(algorithm: str, form: str) -> None:
    stranger = fresh_keys()[algorithm].public()
    assert code_of(managed(algorithm, form)) == "unknown_key"
    assert code_of(managed(algorithm, form), key=stranger) == "bad_signature"


def altered(change: Callable[[Document], object], form: str = "envelope") -> Document:
    bundle = managed("ecdsa-p256", form)
    change(entry_of(bundle))
    return bundle


@pytest.mark.parametrize("form", ["message", "envelope"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda entry: entry["inclusionProof"]["hashes"].reverse(), "inclusion_proof"),
        (lambda entry: entry["inclusionProof"].update(treeSize="5"), "inclusion_proof"),
        (lambda entry: entry["inclusionProof"]["checkpoint"].update(envelope="x\n4\nAA==\n\n"), "checkpoint"),
        (lambda entry: entry.update(integratedTime="1772366401"), "signed_entry_timestamp"),
        (lambda entry: entry.update(logIndex="7"), "signed_entry_timestamp"),
        (lambda entry: entry.pop("inclusionProof"), "inclusion_proof"),
        (lambda entry: entry.pop("inclusionPromise"), "timestamp"),
        (lambda entry: entry.update(logIndex="-1"), "malformed"),
        (lambda entry: entry.update(WORLD.rekor.entry({"kind": "dsse", "apiVersion": "0.0.1"})), "log_entry_mismatch"),
        (lambda entry: entry.update(entry_of(WORLD.of_statement())), "log_entry_mismatch"),
        (lambda entry: entry.update(entry_of(WORLD.of_message())), "log_entry_mismatch"),
        (lambda entry: entry.update(entry_of(managed("ecdsa-p384", "envelope"))), "log_entry_mismatch"),
    ],
)
def test_a_managed_bundle_whose_log_entry_does_not_hold_fails(
    form: str, change: Callable[[Document], object], code: str
) -> None:
    assert code_of(altered(change, form), key=MANAGED["ecdsa-p256"].public()) == code


def test_the_entry_must_name_the_same_key() -> None:
    bundle = managed("ecdsa-p256", "message", body_key=MANAGED["ed25519"])
    assert code_of(bundle, key=MANAGED["ecdsa-p256"].public()) == "log_entry_mismatch"


def test_the_log_must_have_been_trusted_and_the_artifact_the_one_signed() -> None:
    key = MANAGED["ecdsa-p256"].public()
    late = BundleVerifier(WORLD.trusted_root(log=(AT + timedelta(seconds=1), None)))
    assert code_of(managed("ecdsa-p256", "message"), late, key=key) == "log_key_expired"
    assert (
        check(managed("ecdsa-p256", "message"), BundleVerifier(Sigstore().trusted_root()), key=key).status == "failed"
    )
    other = "sha256:" + "0" * 64
    assert code_of(managed("ecdsa-p256", "message"), artifact_digest=other, key=key) == "message_digest"
    assert code_of(managed("ecdsa-p256", "envelope"), artifact_digest=other, key=key) == "subject_mismatch"


@pytest.mark.parametrize(
    "change",
    [
        lambda root: root | {"mediaType": "x"},
        lambda root: root | {"tlogs": []},
        lambda root: root | {"certificateAuthorities": []},
        lambda root: root | {"certificateAuthorities": [root["certificateAuthorities"][0] | {"certChain": {}}]},
        lambda root: root | {"tlogs": [root["tlogs"][0] | {"logId": None}]},
        lambda root: root | {"extra": 1},
    ],
)
def test_a_broken_trusted_root_does_not_load(change: Callable[[Document], Document]) -> None:
    with pytest.raises(Malformed):
        BundleVerifier(orjson.dumps(change(orjson.loads(WORLD.trusted_root()))))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff"])
def test_what_is_no_trusted_root_does_not_load(body: bytes) -> None:
    with pytest.raises(Malformed):
        BundleVerifier(body)


def test_one_verifier_serves_many_threads() -> None:
    bundles = [WORLD.of_statement(at=AT + timedelta(seconds=index)) for index in range(8)]
    found: dict[int, list[Verification]] = {}

    def work(index: int) -> None:
        found[index] = [check(bundles[index]) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, results in found.items():
        for result in results:
            assert isinstance(result, Verified)
            assert result.signed_at == AT + timedelta(seconds=index)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401  any JSON
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        return [leaf for index in range(len(value)) for leaf in leaves(value[index], (*path, index))]
    return [path]


INTOTO = by_certificate(WORLD, intoto_v2)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_changed_character_anywhere_leaves_a_bundle_verified(data: st.DataObject) -> None:
    bundle = orjson.loads(orjson.dumps(data.draw(st.sampled_from([GOOD, MESSAGE, TIMESTAMPED, INTOTO]))))
    path = data.draw(st.sampled_from(leaves(bundle)))
    place = bundle
    for step in path[:-1]:
        place = place[step]
    text = str(place[path[-1]])
    index = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("AQgw19+/="))
    changed = text[:index] + letter + text[index + 1 :]
    place[path[-1]] = changed
    try:
        upload = recognise(orjson.dumps(bundle))
    except Refused:
        return
    assert isinstance(upload, BundleUpload)
    result = VERIFIER.verify(upload, identities=TRUSTED)
    if isinstance(result, Verified):
        assert result.signed_at == AT
        assert changed == text or same_bytes(changed, text) or unsigned(path, text, index)


MESSAGE, TIMESTAMPED = WORLD.of_message(), WORLD.of_message_v2()


def unsigned(path: tuple[Any, ...], text: str, index: int) -> bool:
    """What no signature covers, and nothing rests on: where a Rekor v2 entry lies in the whole log, the name
    beside the checkpoint's signature (the key it belongs to is found by the hint inside the signature), and the
    certificate a timestamp token carries along (the one used comes from the trusted root)."""
    name = text.rfind("\u2014") < index < text.rfind(" ")
    return path[-1] in {"logIndex", "signedTimestamp"} or (path[-1] == "envelope" and name)


def same_bytes(one: str, other: str) -> bool:
    """Two spellings of the same base64 (unused bits of the last letter)."""
    return len(one) == len(other) and one.rstrip("=")[:-1] == other.rstrip("=")[:-1]
