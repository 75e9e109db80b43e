"""Verifying, with certificates: Sigstore bundles v0.1 to v0.3, offline, against one trusted root.

The plan. Steps in [brackets] are sigstore-python's own (its `Verifier`, numbered there); the others are ours, done
because the library does not. Each step has one code, which is stable for ever:

   identity_required              somebody must be trusted: without a rule nothing is verified
   zero_signatures, too_many_signatures, payload_type        an in-toto envelope with exactly one signature
   certificate_missing, log_entry_missing, too_many_log_entries, malformed              the bundle is well-formed
   timestamp                      [0] a verified source of time: signed entry timestamp or RFC 3161 token
   certificate_chain              [1] the certificate chains to the root; no root travels in the bundle (bundle spec)
   certificate_expired            [1, 6] the certificate was valid at every verified time
   certificate_authority_expired  its authority was trusted at that time (trusted root, validFor)
   signed_certificate_timestamp   [2] a CT log saw the certificate, and was trusted when it did
   certificate_profile            [3] key usage, extended key usage, one identity
   untrusted_identity             [3] a rule names the signer
   inclusion_proof                [4] the entry is in the log's tree
   checkpoint                     [4] the log signed that tree
   signed_entry_timestamp         [5] the log promised the entry
   log_unknown                    the log entry names a log of the trusted root
   log_key_expired                that log was trusted at that time (trusted root, validFor)
   bad_signature                  [7] the certificate's key signed exactly these bytes
   message_digest                 [7] the digest named is the artifact's
   log_entry_mismatch             [8] the entry is about this signature, content and certificate (CVE-2022-36056);
   log_entry_type, log_entry_payload, log_entry_signature, log_entry_signer    [8] the same of newer and intoto types,
                                  which part it is (engines/sigstore_binding.py)
   subject_mismatch               the artifact is a subject of the statement
   unknown_key                    a managed key is named and not given
   verification_failed            the library refused in a way this table does not know yet

Which step refused is read from where the library raised (its functions), not from its wording. A v0.1 bundle may
carry the log's promise without a proof: the signed entry timestamp is verified, and `checks` says inclusion_promise
instead of inclusion_proof and checkpoint. `Unsupported` is said of what engines/sigstore_managed.py names, and of
intoto 0.0.1 entries whose envelope nobody can spell again, after all that can be checked of them was checked; and of
certificates with keys other than ECDSA, which the library does not verify with.
"""

from cryptography.hazmat.primitives.asymmetric import ec

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Refused
from evidence_api.domain.verification import Failed, Unsupported, Verification, Verified
from evidence_api.engines.keys import PublicKey
from evidence_api.engines.sigstore_faults import failed_step
from evidence_api.engines.sigstore_identity import (
    AnyIdentity,
    Identities,
    IdentityPolicy,
    IdentityRule,
    StepFailed,
)
from evidence_api.engines.sigstore_managed import check_managed
from evidence_api.engines.sigstore_plan import Plan
from evidence_api.engines.sigstore_root import load_root
from evidence_api.engines.sigstore_shape import check_no_root, check_shape, lacks_proof, parse_bundle
from evidence_api.formats.statement import parse_statement
from evidence_api.formats.upload import BundleUpload

__all__ = ["FORMERLY_UNSUPPORTED", "PLAN", "AnyIdentity", "BundleVerifier", "Identities", "IdentityRule"]

IDENTITY = "identity"
# The number of the plan: the next one when a bundle may come out otherwise than before, so that it is checked again.
PLAN = 2
CHECKS = (
    "timestamp",
    "certificate_chain",
    "signed_certificate_timestamp",
    IDENTITY,
    "inclusion_proof",
    "checkpoint",
    "signature",
    "log_entry",
)
# What version 0.1 of this program could not check, in its words: records of it stay as they are.
FORMERLY_UNSUPPORTED = frozenset(
    {
        "log entry intoto 0.0.2",
        "v0.1 bundle with an inclusion promise and no inclusion proof",
        "log entry without an inclusion promise, of a bundle signed with a managed key",
        "timestamp token of a bundle signed with a managed key",
        "rsa-pss-sha256 signature over an artifact that is not here",
    }
)
# A v0.1 bundle may carry the log's promise instead of a proof, and its result says so.
PROMISED_CHECKS = tuple(
    "inclusion_promise" if check == "inclusion_proof" else check for check in CHECKS if check != "checkpoint"
)


class BundleVerifier:
    """Verifies bundles against one trusted root. Built once; `verify` may be called from several threads."""

    def __init__(self, trusted_root: bytes) -> None:
        """Load the root (JSON). Raises Malformed."""
        self.digest = digest_of(trusted_root)
        self.trusted_root = trusted_root  # what another process needs to make the same verifier
        self._plan = Plan(load_root(trusted_root))

    def __reduce__(self) -> tuple[object, ...]:
        # What the library made of the root does not pickle; a worker process makes it again from the same bytes.
        return BundleVerifier, (self.trusted_root,)

    def verify(
        self,
        upload: BundleUpload,
        *,
        identities: Identities,
        artifact_digest: str | None = None,
        key: PublicKey | None = None,
    ) -> Verification:
        """Run the plan. `artifact_digest` ("sha256:<hex>") must be what was signed, or a subject of the statement;
        `key` is the one to try for a bundle made with a managed key. Raises nothing, whatever the bundle."""
        try:
            return self._verify(upload, identities, artifact_digest, key)
        except Refused as fault:
            return Failed(fault.code, fault.message)
        except Exception as fault:  # noqa: BLE001  hostile input may raise anything inside the library: not verified
            return failed_step(fault)

    def _verify(
        self, upload: BundleUpload, identities: Identities, artifact_digest: str | None, key: PublicKey | None
    ) -> Verification:
        check_shape(upload)
        if upload.message is not None:
            _check_digest(upload, artifact_digest)
        if upload.managed_key is not None:
            result = check_managed(upload, key, self._plan.begin(), self.digest)
            if isinstance(result, Verified) and upload.envelope is not None:
                _check_subject(upload.envelope.payload, artifact_digest)
            return result
        anybody = isinstance(identities, AnyIdentity)
        if not anybody and not identities:
            return Failed("identity_required", "no trust rule says whose certificates are trusted")
        bundle = parse_bundle(upload)
        check_no_root(bundle, upload.version, self._plan.root)
        key_of_certificate = bundle.signing_certificate.public_key()
        if not isinstance(key_of_certificate, ec.EllipticCurvePublicKey):
            return Unsupported(f"certificate with a key of type {type(key_of_certificate).__name__.lstrip('_')}")
        plan = self._plan.begin()
        policy = IdentityPolicy(identities)
        uncheckable = plan.run(bundle, upload, policy)
        if policy.signer is None or not plan.times:
            return Failed("verification_failed", "the library verified without asking who signed, or when")
        if upload.envelope is not None:
            _check_subject(upload.envelope.payload, artifact_digest)
        if uncheckable:
            return Unsupported(uncheckable)
        checks = PROMISED_CHECKS if lacks_proof(upload) else CHECKS
        return Verified(
            signer=policy.signer,
            trust_root=self.digest,
            checks=tuple(check for check in checks if check != IDENTITY or not anybody),
            signed_at=min(plan.times),
        )


def _check_digest(upload: BundleUpload, artifact_digest: str | None) -> None:
    """[7] what was signed is the artifact in hand."""
    if upload.message is None or artifact_digest is None:
        return
    named = f"sha256:{upload.message.digest.hex()}"
    if artifact_digest != named:
        raise StepFailed("message_digest", f"the bundle is about {named}, the artifact is {artifact_digest}")


def _check_subject(payload: bytes, artifact_digest: str | None) -> None:
    """The artifact in hand is what the statement is about. The library leaves this to its caller."""
    if artifact_digest is None:
        return
    subjects = parse_statement(payload).subjects
    if not any(artifact_digest in subject.digests for subject in subjects):
        raise StepFailed("subject_mismatch", f"{artifact_digest} is not a subject of the statement")
