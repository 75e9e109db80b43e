"""Signing with a key that never leaves its place: cloud key management, HashiCorp Vault, a hardware token.

The schemes and their URIs are securesystemslib's. Which library a scheme needs is said when it is not installed.

    gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V     awskms:<key id, ARN or alias>
    azurekms://<vault>.vault.azure.net/keys/<key>/<version>                       hv:<key>/<version>
    hsm:<key id>?label=<token>                                                    file2:<path of an unencrypted PEM>
"""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import (  # type: ignore[attr-defined]  # not in an __all__
    SIGNER_FOR_URI_SCHEME,
    AWSSigner,
    GCPSigner,
    Signer,
    SSlibKey,
)

from evidence_api.domain.errors import EvidenceError, Malformed, Undecided
from evidence_api.engines.keys import EnvelopeSigner, supported
from evidence_api.formats.dsse import Envelope

# Scheme -> what to install. The base install has what file2 needs.
SCHEMES: Mapping[str, str] = {
    "gcpkms": "evidence-api[kms]",
    "awskms": "evidence-api[kms]",
    "azurekms": "evidence-api[kms]",
    "hv": "securesystemslib[vault]",
    "hsm": "securesystemslib[hsm]",
    "file2": "evidence-api",
}
# Schemes whose service can be asked for the public half, by the rest of the URI.
_ASKED: Mapping[str, Callable[[str], tuple[str, SSlibKey]]] = {"gcpkms": GCPSigner.import_, "awskms": AWSSigner.import_}


class KmsSigner:
    """Signs DSSE envelopes with the key at a URI; `public_key` is its other half."""

    def __init__(self, uri: str, public_pem: bytes | None = None, secret: Callable[[str], str] | None = None) -> None:
        """Without `public_pem` the service is asked for the public half, where it can be. `secret` is asked for what
        the key is locked with, by its name (the PIN of a token).

        Raises Malformed (unknown scheme, a URI the scheme does not read, no public key), EvidenceError `extra_missing`
        (its library is not installed), Undecided `kms_failed` (the service did not answer, or refused).
        """
        scheme = self._scheme = urlsplit(uri).scheme
        if scheme not in SCHEMES or scheme not in SIGNER_FOR_URI_SCHEME:
            raise Malformed(f"no key of that scheme is known; there are {', '.join(SCHEMES)}", path="kms", value=scheme)
        if public_pem is None and scheme not in _ASKED:
            raise Malformed(f"the public key of a {scheme} key has to be given", path="public_key", value=scheme)
        try:
            key = _loaded(public_pem) if public_pem is not None else _ASKED[scheme](uri.partition(":")[2])[1]
            self._signer = EnvelopeSigner(Signer.from_priv_key_uri(uri, key, secret))
        except EvidenceError:
            raise
        except Exception as fault:  # the libraries of five services share no class of errors
            raise _translated(fault, scheme) from fault
        self.public_key = self._signer.public_key

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        """An envelope with one signature by the service. Raises EvidenceError, Undecided `kms_failed`."""
        try:
            return self._signer.sign(payload_type, payload)
        except EvidenceError:
            raise
        except Exception as fault:  # the same
            raise _translated(fault, self._scheme) from fault


def _loaded(pem: bytes) -> SSlibKey:
    try:
        return SSlibKey.from_crypto(supported(serialization.load_pem_public_key(pem)))
    except ValueError as fault:
        raise Malformed(f"not a PEM public key we sign with: {fault}", path="public_key") from fault


def _translated(fault: Exception, scheme: str) -> EvidenceError:
    if isinstance(fault, UnsupportedLibraryError):
        return EvidenceError(
            f"signing with a {scheme} key needs a library that is not installed: {fault}",
            code="extra_missing",
            install=f"pip install '{SCHEMES[scheme]}'",
        )
    if isinstance(fault, ValueError):
        return Malformed(f"not a key to sign with: {fault}", path="kms", value=scheme)
    if isinstance(fault, FileNotFoundError | PermissionError | IsADirectoryError):
        return EvidenceError(f"the key cannot be read: {fault.args[0]}", code="unreadable_file", value=scheme)
    return Undecided(f"the {scheme} key did not sign: {type(fault).__name__}: {fault}", code="kms_failed")
