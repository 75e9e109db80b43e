"""Log entries that the library does not bind to the bundle: intoto of Rekor v1, dsse of v2, and all of managed keys."""

import pickle
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evidence_api.domain.verification import CertificateSigner, Failed, KeySigner, Unsupported, Verification, Verified
from evidence_api.engines.sigstore import CHECKS, PROMISED_CHECKS, AnyIdentity, BundleVerifier, IdentityRule
from evidence_api.engines.sigstore_binding import UNKNOWN_SPELLING
from evidence_api.engines.sigstore_entry import read_entry
from evidence_api.engines.sigstore_identity import StepFailed
from evidence_api.formats.dsse import IN_TOTO, pae
from tests.support import sigstore_factory as factory
from tests.support.keys import TestKey, fresh_keys
from tests.support.sigstore_authorities import AT, IDENTITY, ISSUER, START, b64, der
from tests.support.sigstore_check import Check
from tests.support.sigstore_entries import (
    INTOTO_DEFECTS,
    OTHER,
    UNKNOWN_TYPES,
    Change,
    Logged,
    artifact_by_key,
    by_certificate,
    by_key,
    dsse_v2,
    hashedrekord_v1,
    hashedrekord_v2,
    intoto_v1,
    intoto_v2,
    sha256,
)
from tests.support.sigstore_factory import ARTIFACT, ARTIFACT_DIGEST, Document, Sigstore, entry_of

WORLD = Sigstore()
VERIFIER = BundleVerifier(WORLD.trusted_root())
TRUSTED = (IdentityRule(ISSUER, IDENTITY),)
KEYS = fresh_keys()
P256 = KEYS["ecdsa-p256"]
Make = Callable[[Logged], Document]
MAKES: list[Make] = [intoto_v1, intoto_v2, hashedrekord_v1, dsse_v2, hashedrekord_v2]
check = Check(VERIFIER, TRUSTED)


def code_of(result: Verification) -> str:
    return result.code if isinstance(result, Failed) else result.status


def name(one: Callable[..., object]) -> str:
    return one.__name__


@pytest.mark.parametrize("make", MAKES, ids=name)
def test_every_type_of_entry_verifies_with_a_certificate(make: Make) -> None:
    result = check(by_certificate(WORLD, make), artifact_digest=ARTIFACT_DIGEST)
    assert isinstance(result, Verified)
    assert isinstance(result.signer, CertificateSigner)
    assert (result.signer.identity, result.signed_at, result.checks) == (IDENTITY, AT, CHECKS)


@pytest.mark.parametrize("make", [WORLD.of_statement, partial(by_certificate, WORLD, intoto_v2)])
def test_the_signer_carries_what_the_issuer_vouched_for(make: Callable[..., Document]) -> None:
    result = check(make(claims={15: "4711", 14: "refs/heads/main"}))
    assert isinstance(result, Verified)
    assert isinstance(result.signer, CertificateSigner)
    assert dict(result.signer.claims) == {"source_repository_id": "4711", "source_ref": "refs/heads/main"}


@pytest.mark.parametrize("make", MAKES, ids=name)
def test_every_type_of_entry_verifies_with_a_managed_key(make: Make) -> None:
    result = check(by_key(WORLD, P256, make), key=P256.public("release"), artifact_digest=ARTIFACT_DIGEST)
    assert isinstance(result, Verified)
    assert result.signer == KeySigner(P256.public().key_id, "ecdsa-p256", "release")
    assert result.signed_at == AT


@pytest.mark.parametrize("make", MAKES, ids=name)
def test_who_signed_and_what_about_are_asked_of_every_type(make: Make) -> None:
    bundle = by_certificate(WORLD, make)
    assert code_of(check(bundle, identities=())) == "identity_required"
    assert code_of(check(bundle, identities=(IdentityRule(ISSUER, "other"),))) == "untrusted_identity"
    assert code_of(check(bundle, artifact_digest="sha256:" + "0" * 64)) == "subject_mismatch"
    assert code_of(check(bundle, BundleVerifier(Sigstore().trusted_root()))) != "verified"


@pytest.mark.parametrize("change", INTOTO_DEFECTS, ids=name)
def test_every_defect_of_an_intoto_entry_fails_under_its_own_code(change: Change) -> None:
    assert code_of(check(by_certificate(WORLD, intoto_v2, change=change))) == INTOTO_DEFECTS[change]
    assert check(by_certificate(WORLD, intoto_v2, change=change), identities=AnyIdentity()).status == "failed"


@pytest.mark.parametrize("change", UNKNOWN_TYPES, ids=name)
@pytest.mark.parametrize("make", [intoto_v1, intoto_v2], ids=name)
def test_an_entry_of_an_unknown_type_never_verifies(make: Make, change: Change) -> None:
    assert check(by_certificate(WORLD, make, change=change)).status == "failed"
    managed = by_key(WORLD, P256, make, change=change)
    assert check(managed, key=P256.public()).status == "failed"


@pytest.mark.parametrize(
    ("said", "make"), [("0.0.1", intoto_v2), ("0.0.2", intoto_v1)], ids=["v2 called v1", "v1 called v2"]
)
def test_the_type_beside_the_body_must_be_the_bodys(said: str, make: Make) -> None:
    bundle = by_certificate(WORLD, make)
    entry_of(bundle)["kindVersion"]["version"] = said
    assert code_of(check(bundle)) == "log_entry_type"


@pytest.mark.parametrize("make", MAKES, ids=name)
def test_another_payload_in_the_log_is_noticed(make: Make) -> None:
    codes = {"log_entry_payload", "log_entry_mismatch"}  # the second where the library binds the entry
    assert code_of(check(by_certificate(WORLD, make, logged_payload=OTHER))) in codes


def test_an_intoto_entry_must_be_timely_and_its_promise_and_proof_hold() -> None:
    late = by_certificate(WORLD, intoto_v2, at=AT - timedelta(hours=2))
    assert code_of(check(late)) == "certificate_expired"
    bundle = by_certificate(WORLD, intoto_v2)
    entry_of(bundle)["integratedTime"] = str(int(AT.timestamp()) + 1)
    assert code_of(check(bundle)) == "signed_entry_timestamp"
    bundle = by_certificate(WORLD, intoto_v2)
    entry_of(bundle)["inclusionProof"]["hashes"].reverse()
    assert code_of(check(bundle)) == "inclusion_proof"
    assert code_of(check(by_certificate(WORLD, intoto_v2, sct="broken"))) == "signed_certificate_timestamp"


def test_an_intoto_v1_entry_whose_envelope_nobody_can_spell_again_is_unsupported() -> None:
    def spell(entry: Document) -> None:
        entry["spec"]["content"]["hash"] = sha256(b"{ spelt otherwise }")

    assert check(by_certificate(WORLD, intoto_v1, change=spell)) == Unsupported(UNKNOWN_SPELLING)
    assert check(by_key(WORLD, P256, intoto_v1, change=spell), key=P256.public()) == Unsupported(UNKNOWN_SPELLING)
    assert code_of(check(by_certificate(WORLD, intoto_v1, change=spell, logged_payload=OTHER))) == "log_entry_payload"


# --- v0.1: a promise in the place of a proof --------------------------------------------------------------------------


def promised(bundle: Document) -> Document:
    del entry_of(bundle)["inclusionProof"]
    return bundle


@pytest.mark.parametrize("make", [intoto_v1, intoto_v2], ids=name)
def test_a_v01_bundle_with_a_promise_alone_verifies_and_says_so(make: Make) -> None:
    result = check(promised(by_certificate(WORLD, make, media_type=factory.V01)))
    assert isinstance(result, Verified)
    assert result.checks == PROMISED_CHECKS
    assert not {"inclusion_proof", "checkpoint"} & set(result.checks)
    managed = check(promised(by_key(WORLD, P256, make, media_type=factory.V01)), key=P256.public())
    assert isinstance(managed, Verified)
    assert managed.checks == ("signature", "inclusion_promise", "timestamp", "log_entry")


@pytest.mark.parametrize("make", [WORLD.of_statement, WORLD.of_message])
def test_promises_of_other_types_verify_too(make: Callable[..., Document]) -> None:
    assert check(promised(make(media_type=factory.V01)), artifact_digest=ARTIFACT_DIGEST).status == "verified"


@pytest.mark.parametrize("media_type", [factory.V02, factory.V03_OLD, factory.V03])
def test_later_versions_need_the_proof(media_type: str) -> None:
    assert code_of(check(promised(WORLD.of_statement(media_type=media_type)))) == "inclusion_proof"


def test_a_promise_that_does_not_hold_fails() -> None:
    bundle = promised(WORLD.of_statement(media_type=factory.V01))
    promise = entry_of(bundle)["inclusionPromise"]
    good = promise["signedEntryTimestamp"]
    promise["signedEntryTimestamp"] = entry_of(WORLD.of_statement())["inclusionPromise"]["signedEntryTimestamp"]
    assert code_of(check(bundle)) == "signed_entry_timestamp"
    promise["signedEntryTimestamp"] = good
    assert check(bundle).status == "verified"
    entry_of(bundle)["logIndex"] = "7"
    assert code_of(check(bundle)) == "signed_entry_timestamp"
    stranger = Sigstore(fulcio=WORLD.fulcio)
    assert code_of(check(promised(stranger.of_statement(media_type=factory.V01)))) == "signed_entry_timestamp"
    no_time = promised(WORLD.of_statement(media_type=factory.V01))
    del entry_of(no_time)["integratedTime"]
    assert code_of(check(no_time)) == "timestamp"
    forged = promised(WORLD.of_statement(media_type=factory.V01, signed=b"other"))
    assert code_of(check(forged)) == "bad_signature"
    del entry_of(forged)["inclusionPromise"]
    assert code_of(check(forged)) == "inclusion_proof"


# --- certificates in the bundle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media_type", "root", "expected"),
    [
        (factory.V01, WORLD, "verified"),
        (factory.V01, Sigstore(), "certificate_chain"),
        (factory.V02, WORLD, "certificate_chain"),
    ],
)
def test_a_root_in_the_bundle_is_taken_only_from_v01_and_only_if_it_is_trusted_anyway(
    media_type: str, root: Sigstore, expected: str
) -> None:
    bundle = WORLD.of_statement(media_type=media_type)
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    chain.append({"rawBytes": b64(der(root.fulcio.root))})
    assert code_of(check(bundle)) == expected


# --- managed keys: timestamps and Rekor v2 ----------------------------------------------------------------------------


def test_a_managed_key_with_a_promise_and_a_token_takes_the_earlier_time() -> None:
    bundle = by_key(WORLD, P256, intoto_v2, promise=True)
    result = check(bundle, key=P256.public())
    assert isinstance(result, Verified)
    assert result.signed_at == AT


def test_a_managed_artifact_verifies_in_a_rekor_v2() -> None:
    bundle = artifact_by_key(WORLD, P256, P256.sign(ARTIFACT))
    assert check(bundle, key=P256.public(), artifact_digest=ARTIFACT_DIGEST).status == "verified"
    assert code_of(check(bundle, key=fresh_keys()["ecdsa-p256"].public())) == "bad_signature"


@pytest.mark.parametrize("form", ["artifact", "envelope"])
def test_a_managed_rsa_key_signs_as_sigstores_tools_do(form: str) -> None:
    private = rsa.generate_private_key(65537, 2048)
    key = TestKey(private)
    signed = ARTIFACT if form == "artifact" else pae(IN_TOTO, factory.STATEMENT)
    signature = private.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    bundle = (
        artifact_by_key(WORLD, key, signature)
        if form == "artifact"
        else by_key(WORLD, key, hashedrekord_v2, signature=signature)
    )
    assert check(bundle, key=key.public()).status == "verified"
    assert code_of(check(bundle, key=fresh_keys()["rsa-pss-sha256"].public())) == "bad_signature"


def test_an_ed25519_signature_over_an_artifact_needs_the_artifact() -> None:
    key = KEYS["ed25519"]
    result = check(artifact_by_key(WORLD, key, key.sign(ARTIFACT)), key=key.public())
    assert result == Unsupported("ed25519 signature over an artifact that is not here")


@pytest.mark.parametrize("make", MAKES, ids=name)
def test_the_entry_of_a_managed_bundle_must_name_the_same_key(make: Make) -> None:
    other = fresh_keys()["ecdsa-p256"]
    theirs = by_key(WORLD, other, make)
    bundle = by_key(WORLD, P256, make)
    entry = entry_of(theirs)
    bundle["verificationMaterial"]["tlogEntries"] = [entry]
    assert code_of(check(bundle, key=P256.public())) in {"log_entry_signer", "log_entry_mismatch"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda stamps: stamps.update(rfc3161Timestamps=stamps["rfc3161Timestamps"] * 2), "timestamp"),
        (lambda stamps: stamps.update(rfc3161Timestamps=[{"signedTimestamp": "AA=="}]), "timestamp"),
        (lambda stamps: stamps.update(rfc3161Timestamps=[{"signedTimestamp": 7}]), "timestamp"),
        (lambda stamps: stamps.update(rfc3161Timestamps=[]), "timestamp"),
        (lambda stamps: stamps.update(rfc3161Timestamps="x"), "timestamp"),
    ],
)
def test_a_managed_bundle_without_a_good_source_of_time_fails(change: Change, code: str) -> None:
    bundle = by_key(WORLD, P256, hashedrekord_v2)
    change(bundle["verificationMaterial"]["timestampVerificationData"])
    assert code_of(check(bundle, key=P256.public())) == code


@pytest.mark.parametrize(("end", "expected"), [(AT, "verified"), (AT - timedelta(seconds=1), "timestamp")])
def test_the_end_of_an_authoritys_period_is_inside_it_for_managed_keys_too(end: datetime, expected: str) -> None:
    verifier = BundleVerifier(WORLD.trusted_root(tsa=(START, end)))
    assert code_of(check(by_key(WORLD, P256, hashedrekord_v2), verifier, key=P256.public())) == expected


def test_a_token_of_an_untrusted_authority_is_no_time() -> None:
    elsewhere = Sigstore(fulcio=WORLD.fulcio, rekor=WORLD.rekor)
    assert code_of(check(by_key(elsewhere, P256, dsse_v2), key=P256.public())) == "timestamp"
    assert code_of(check(by_certificate(elsewhere, dsse_v2))) == "timestamp"


def test_a_verifier_comes_back_from_another_process() -> None:
    again = pickle.loads(pickle.dumps(VERIFIER))  # noqa: S301  pickled here
    assert again.digest == VERIFIER.digest
    bundle = by_certificate(WORLD, intoto_v2)
    assert check(bundle, again) == check(bundle)


def test_a_certificate_with_another_type_of_key_is_unsupported_by_name() -> None:
    bundle = WORLD.of_statement()
    private: Any = KEYS["ed25519"].private
    other = WORLD.fulcio.issue(private)
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = b64(der(other))
    assert check(bundle) == Unsupported("certificate with a key of type Ed25519PublicKey")


TYPES = ["hashedrekord 0.0.1", "hashedrekord 0.0.2", "dsse 0.0.1", "dsse 0.0.2", "intoto 0.0.1", "intoto 0.0.2", "x y"]
NAMES = ["content", "hash", "payloadHash", "algorithm", "value", "envelope", "signatures", "sig", "publicKey", "data"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("sha256=-AQ_", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(named=st.sampled_from(TYPES), spec=JSON)
@settings(max_examples=200)
def test_any_body_is_an_entry_or_refused_under_its_code(named: str, spec: object) -> None:
    kind, _, version = named.partition(" ")
    document = orjson.dumps({"kind": kind, "apiVersion": version, "spec": spec})
    with pytest.raises(StepFailed) as refused:
        read_entry(document, named)
    assert refused.value.code == "log_entry_type"


@given(path=st.integers(0, 40), value=JSON)
@settings(max_examples=150)
def test_a_body_with_any_part_replaced_never_verifies_as_another(path: int, value: object) -> None:
    def replace(entry: Document) -> None:
        places = [(place, key) for place in objects(entry) for key in place]
        place, key = places[path % len(places)]
        assume(place[key] != value)
        place[key] = value

    assert check(by_certificate(WORLD, intoto_v2, change=replace)).status == "failed"


def objects(value: object) -> list[Document]:
    if isinstance(value, dict):
        return [value, *(one for member in value.values() for one in objects(member))]
    return [one for member in value for one in objects(member)] if isinstance(value, list) else []
