"""Verifying, the plan itself: sigstore-python's steps with ours inside, for log entries of every type.

The library's `Verifier` is subclassed where its steps stop short: it establishes no time for intoto entries, binds
only some types of entries to the bundle, and refuses v0.1 bundles whose entry was promised but not yet included.
"""

import copy
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sigstore import dsse as library_dsse
from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult
from sigstore.hashes import Hashed
from sigstore.models import Bundle, TimestampVerificationData, TransparencyLogEntry
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm

from evidence_api.engines.sigstore_binding import check_binding
from evidence_api.engines.sigstore_entry import signer_of_certificate
from evidence_api.engines.sigstore_identity import IdentityPolicy, StepFailed
from evidence_api.engines.sigstore_root import LoadedRoot
from evidence_api.formats.upload import BundleUpload

if TYPE_CHECKING:
    from sigstore._internal.trust import RekorKeyring

# Entries the library binds to an envelope itself; for the others its steps are used one by one.
_LIBRARY_BINDS = frozenset({"hashedrekord 0.0.2", "dsse 0.0.1"})
# Rekor v1: the promise signs the time (rekor, openapi.yaml, LogEntry.verification.signedEntryTimestamp).
TIMED_BY_PROMISE = frozenset({"hashedrekord 0.0.1", "dsse 0.0.1", "intoto 0.0.1", "intoto 0.0.2"})
MAX_TIMESTAMPS = 32
_SHA256_BYTES = 32


class PromisedEntry(TransparencyLogEntry):
    """An entry of a v0.1 bundle with the log's promise alone (sigstore_bundle.proto: v0.1 requires the promise, and
    the proof is optional): its signed entry timestamp stands in the place of proof and checkpoint."""

    def _validate(self) -> None:
        """There is no proof to look for."""

    def _verify(self, keyring: "RekorKeyring") -> None:
        self._verify_set(keyring)


class Plan(Verifier):
    """The library's plan with our steps inside. One copy a verification keeps the times that one established."""

    def __init__(self, root: LoadedRoot) -> None:
        super().__init__(trusted_root=root)
        self.root = root
        self.times: tuple[datetime, ...] = ()

    def begin(self) -> "Plan":
        """A copy that shares the root."""
        return copy.copy(self)

    def run(self, bundle: Bundle, upload: BundleUpload, policy: IdentityPolicy) -> str:
        """Steps [0] to [8], and that the log was trusted. Gives what cannot be checked, "" if all was.

        Raises StepFailed, or whatever the library raises.
        """
        uncheckable = ""
        if upload.message is not None:
            if len(upload.message.digest) != _SHA256_BYTES:
                raise StepFailed("message_digest", f"digests of type {upload.message.algorithm!r} are not SHA-256")
            digest = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=upload.message.digest)
            self.verify_artifact(digest, bundle, policy)
        elif upload.log_entries[0] in _LIBRARY_BINDS:
            self.verify_dsse(bundle, policy)
        else:
            uncheckable = self._verify_envelope(bundle, upload, policy)
        inner = bundle.log_entry._inner  # noqa: SLF001  the library shows it no other way
        self.root.check_log(inner.log_id.key_id, self.times)
        self.root.check_ct_log(bundle.signing_certificate)
        return uncheckable

    def tokens_at(self, data: TimestampVerificationData | None, signature: bytes) -> list[TimestampVerificationResult]:
        """Step [0] without a bundle of the library's: the timestamp tokens over a signature that a trusted authority
        made. Raises StepFailed timestamp: too many, repeated, or no authority is trusted at all."""
        if data is None:
            return []
        tokens = data.rfc3161_timestamps
        if len(tokens) > MAX_TIMESTAMPS or len(set(tokens)) != len(tokens):
            raise StepFailed("timestamp", f"{len(tokens)} timestamps, at most {MAX_TIMESTAMPS} and each once")
        if not self.root.get_timestamp_authorities():
            raise StepFailed("timestamp", "the trusted root names no timestamp authority")
        return [found for token in tokens if (found := self._verify_signed_timestamp(token, signature))]

    def _verify_envelope(self, bundle: Bundle, upload: BundleUpload, policy: IdentityPolicy) -> str:
        """As the library's verify_dsse, for entries it does not bind."""
        # [0] to [6]
        self._verify_common_signing_cert(bundle, policy)
        # [7] the certificate's key signed the encoding of the envelope
        certificate = bundle.signing_certificate
        envelope = bundle._dsse_envelope  # noqa: SLF001  the library shows it no other way
        if envelope is None:
            raise StepFailed("malformed", "the bundle holds no envelope")
        library_dsse._verify(certificate.public_key(), envelope)  # type: ignore[arg-type]  # noqa: SLF001  its step
        # [8] the entry is about them
        body = bundle.log_entry._inner.canonicalized_body  # noqa: SLF001  the same
        return check_binding(body, upload, signer_of_certificate(certificate.public_bytes(Encoding.DER)))

    def _establish_time(self, bundle: Bundle) -> list[TimestampVerificationResult]:
        established = [
            *self.tokens_at(bundle.verification_material.timestamp_verification_data, bundle.signature),
            *promised_at(bundle.log_entry),
        ]
        self.times = tuple(one.time for one in established)
        return established

    def _verify_chain_at_time(
        self, certificate: x509.Certificate, timestamp_result: TimestampVerificationResult
    ) -> list[x509.Certificate]:
        chain = super()._verify_chain_at_time(certificate, timestamp_result)
        if not self.root.covers_issuer(chain[0], timestamp_result.time):
            raise StepFailed("certificate_authority_expired", "the authority was not trusted at the time of signing")
        return chain


def promised_at(entry: TransparencyLogEntry) -> Sequence[TimestampVerificationResult]:
    """The time at which the log promised an entry; the promise itself is verified with the entry. Raises StepFailed
    timestamp for a type whose promise signs no time."""
    inner = entry._inner  # noqa: SLF001  the library shows it no other way
    if not (inner.integrated_time and inner.inclusion_promise):
        return []
    named = f"{inner.kind_version.kind} {inner.kind_version.version}"
    if named not in TIMED_BY_PROMISE:
        raise StepFailed("timestamp", f"log entries of type {named[:80]!r} have no integrated time")
    moment = datetime.fromtimestamp(inner.integrated_time, tz=UTC)
    return [TimestampVerificationResult(source=TimestampSource.TRANSPARENCY_SERVICE, time=moment)]
