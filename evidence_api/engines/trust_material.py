"""Verifying, what verification rests on: whether a file of trust material loads, for people who look at one.

Sources: sigstore/protobuf-specs sigstore_trustroot.proto (trusted root, client trust config, signing config,
certificate authority). Such a file is not signed itself, so it is `loaded`, never verified.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from cryptography.x509 import load_der_x509_certificate
from pydantic import ValidationError
from sigstore.errors import Error
from sigstore.models import ClientTrustConfig, SigningConfig
from sigstore_models.trustroot import v1 as trustroot

from evidence_api.domain.errors import Malformed
from evidence_api.engines.sigstore_root import first_line, load_root

TRUSTED_ROOT, TRUST_CONFIG, SIGNING_CONFIG = "trusted root", "client trust config", "signing config"
AUTHORITY = "certificate authority"


def kind_of(document: Mapping[str, Any]) -> str:
    """Which trust material the document is, by shape; "" if none."""
    if "trustedRoot" in document and "signingConfig" in document:
        return TRUST_CONFIG
    if "certificateAuthorities" in document:
        return TRUSTED_ROOT
    if "certChain" in document:
        return AUTHORITY
    return SIGNING_CONFIG if "caUrls" in document and "rekorTlogUrls" in document else ""


def load(kind: str, body: bytes) -> None:
    """Load it whole: media types, keys, certificates. Raises Malformed."""
    try:
        _LOADERS[kind](body)
    except (ValidationError, ValueError, Error) as fault:
        raise Malformed(f"the {kind} does not load: {first_line(fault)}", path="$") from fault


def _load_trust_config(body: bytes) -> None:
    config = ClientTrustConfig.from_json(body.decode())
    _ = config.signing_config
    load_root(orjson.dumps(orjson.loads(body)["trustedRoot"]))


def _load_signing_config(body: bytes) -> None:
    SigningConfig(trustroot.SigningConfig.from_json(body))


def _load_authority(body: bytes) -> None:
    certificates = trustroot.CertificateAuthority.from_json(body).cert_chain.certificates
    if not certificates:
        raise Malformed("the certificate authority has no certificate", path="certChain.certificates")
    for certificate in certificates:
        load_der_x509_certificate(certificate.raw_bytes)


_LOADERS: Mapping[str, Callable[[bytes], object]] = {
    TRUSTED_ROOT: load_root,
    TRUST_CONFIG: _load_trust_config,
    SIGNING_CONFIG: _load_signing_config,
    AUTHORITY: _load_authority,
}
