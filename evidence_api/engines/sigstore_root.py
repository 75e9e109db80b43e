"""Verifying, once at the start: a trusted root, loaded whole and made independent of the machine's clock.

Source: sigstore/protobuf-specs sigstore_trustroot.proto. All of it is parsed here, so that a broken root is
refused at load and a verification only reads.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path

from cryptography.x509 import Certificate, PrecertificateSignedCertificateTimestamps, load_der_x509_certificate
from pydantic import ValidationError
from sigstore._internal.trust import KeyringPurpose, RekorKeyring
from sigstore.errors import Error
from sigstore.models import TrustedRoot
from sigstore_models.common import v1 as common
from sigstore_models.trustroot import v1 as trustroot

from evidence_api.domain.errors import Malformed
from evidence_api.engines.sigstore_identity import StepFailed

# A TimeRange includes its end (sigstore_common.proto: "if there is an end, it is inclusive"); sigstore-python
# compares TSA times with `<`. Moving the end by the smallest step datetime has makes `<` mean `<=`.
_SMALLEST = timedelta(microseconds=1)

_PUBLIC_GOOD = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"  # the folder the package keeps its copy in

# What the library remarks on is for whoever configures logging, not for the terminal of whoever does not.
logging.getLogger("sigstore").addHandler(logging.NullHandler())


class LoadedRoot(TrustedRoot):
    """A trusted root whose keys and certificates are loaded once.

    The library asks the clock which keys have started to be valid. Here all keys are given, and `covers_*` tell
    whether the one used was valid at the time of signing: the same bundle then has the same result on any day.
    """

    def __init__(self, inner: trustroot.TrustedRoot) -> None:
        super().__init__(inner)
        # Caches of this one root, not of the class: the answers are asked for in every verification.
        self.get_fulcio_certs = cache(self._fulcio_certificates)  # type: ignore[method-assign]
        self.rekor_keyring = cache(super().rekor_keyring)  # type: ignore[method-assign]
        self.ct_keyring = cache(super().ct_keyring)  # type: ignore[method-assign]
        self.get_timestamp_authorities = cache(super().get_timestamp_authorities)  # type: ignore[method-assign]
        self._authorities = [
            (
                authority.valid_for,
                [load_der_x509_certificate(one.raw_bytes) for one in authority.cert_chain.certificates],
            )
            for authority in inner.certificate_authorities
        ]

        self._ct_logs = [
            ({sha256(ctlog.public_key.raw_bytes or b"").digest(), *_ids(ctlog)}, ctlog.public_key.valid_for)
            for ctlog in inner.ctlogs
        ]

    def _get_tlog_keys(
        self,
        tlogs: list[trustroot.TransparencyLogInstance],
        purpose: object,  # noqa: ARG002  the library's signature: we verify only
    ) -> Iterable[common.PublicKey]:
        return [tlog.public_key for tlog in tlogs]

    def _fulcio_certificates(self) -> list[Certificate]:
        return [certificate for _, chain in self._authorities for certificate in chain]

    def covers_issuer(self, issuer: Certificate, moment: datetime) -> bool:
        """Whether an authority with this certificate was trusted at that moment."""
        return any(_covers(valid_for, moment) for valid_for, chain in self._authorities if issuer in chain)

    def log_keys(self) -> RekorKeyring:
        """The keys of all logs, by id."""
        return self.rekor_keyring(KeyringPurpose.VERIFY)

    def check_log(self, log_id: bytes, moments: Iterable[datetime]) -> None:
        """The root names a log by this id (the library takes the id as a hint and tries every key), and it was
        trusted at each moment. Raises StepFailed log_unknown or log_key_expired."""
        logs = self._logs(log_id)
        if not logs:
            raise StepFailed("log_unknown", "the trusted root names no log of the entry's id")
        if not all(any(_covers(tlog.public_key.valid_for, moment) for tlog in logs) for moment in moments):
            raise StepFailed("log_key_expired", "the log was not trusted at the time of signing")

    def check_ct_log(self, certificate: Certificate) -> None:
        """The CT log that saw the certificate was trusted when it did (the library checks its signature, with every
        key the root ever had). Raises StepFailed signed_certificate_timestamp."""
        seen = certificate.extensions.get_extension_for_class(PrecertificateSignedCertificateTimestamps).value
        if not any(self._covers_ct(one.log_id, one.timestamp.replace(tzinfo=UTC)) for one in seen):
            raise StepFailed("signed_certificate_timestamp", "no CT log was trusted when it saw the certificate")

    def _covers_ct(self, log_id: bytes, moment: datetime) -> bool:
        return any(_covers(valid_for, moment) for ids, valid_for in self._ct_logs if log_id in ids)

    def _logs(self, log_id: bytes) -> list[trustroot.TransparencyLogInstance]:
        return [tlog for tlog in self._inner.tlogs if log_id in _ids(tlog)]


def trusted_root(path: Path | None) -> bytes:
    """The Sigstore trusted root an operator chose, or the public-good one the sigstore package ships."""
    if path is not None:
        return path.read_bytes()
    return (resources.files("sigstore._store") / _PUBLIC_GOOD / "trusted_root.json").read_bytes()


def load_root(document: bytes) -> LoadedRoot:
    """Load a trusted root (JSON). Raises Malformed."""
    try:
        inner = trustroot.TrustedRoot.from_json(document)
        for authority in inner.timestamp_authorities:
            if authority.valid_for.end:
                authority.valid_for.end += _SMALLEST
        root = LoadedRoot(inner)
        root.get_timestamp_authorities()
    except (ValidationError, ValueError, Error, OverflowError) as fault:
        raise Malformed(f"not a trusted root: {first_line(fault)}", path="trusted_root") from fault
    if any(not _has_zone(valid_for) for valid_for in _periods(inner)):
        raise Malformed("a validity period has no time zone", path="trusted_root")
    if not inner.tlogs or not inner.certificate_authorities:
        raise Malformed("the trusted root names no log or no certificate authority", path="trusted_root")
    return root


def first_line(fault: BaseException) -> str:
    """The first line of a library's message, cut to a length a person reads."""
    if isinstance(fault, ValidationError):
        first = fault.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300]
    return (str(fault).strip() or type(fault).__name__).splitlines()[0][:300]


def _periods(inner: trustroot.TrustedRoot) -> Iterable[common.TimeRange | None]:
    for authority in (*inner.certificate_authorities, *inner.timestamp_authorities):
        yield authority.valid_for
    for tlog in (*inner.tlogs, *inner.ctlogs):
        yield tlog.public_key.valid_for


def _has_zone(valid_for: common.TimeRange | None) -> bool:
    return valid_for is None or all(one is None or one.tzinfo for one in (valid_for.start, valid_for.end))


def _ids(tlog: trustroot.TransparencyLogInstance) -> set[bytes]:
    return {one.key_id for one in (tlog.log_id, tlog.checkpoint_key_id) if one is not None}


def _covers(valid_for: common.TimeRange | None, moment: datetime) -> bool:
    if valid_for is None:
        return True
    return valid_for.start <= moment and (valid_for.end is None or moment <= valid_for.end)
