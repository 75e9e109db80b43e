"""Verifying, step 3 of a bundle: what else the issuer vouched for in a certificate, besides who signed.

Source: Fulcio, docs/oid-info.md, extensions 1.3.6.1.4.1.57264.1.9 to .23: each a DER UTF8String. The names are ours
and the same for every CI system; `*_id` are the ones that do not change when a repository or its owner is renamed.
"""

from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat import asn1

_FULCIO = "1.3.6.1.4.1.57264.1."

CLAIMS: Mapping[int, str] = {
    9: "build_signer_uri",  # the workflow (or reusable workflow) that signed, with its ref
    10: "build_signer_digest",
    11: "runner_environment",  # e.g. github-hosted, self-hosted
    12: "source_repository",  # URL
    13: "source_digest",  # commit
    14: "source_ref",  # e.g. refs/heads/main
    15: "source_repository_id",
    16: "source_repository_owner",  # URL
    17: "source_repository_owner_id",
    18: "build_config_uri",  # the top-level workflow, with its ref
    19: "build_config_digest",
    20: "build_trigger",  # e.g. push, schedule
    21: "run_uri",
    22: "source_visibility",  # public or private, at the time of signing
    23: "deployment_environment",
}
_NAMES: Mapping[x509.ObjectIdentifier, str] = {
    x509.ObjectIdentifier(f"{_FULCIO}{last}"): name for last, name in CLAIMS.items()
}


def claims_of(certificate: x509.Certificate) -> dict[str, str]:
    """The claims a certificate carries, by name; those absent or empty are left out. Raises ValueError for one
    that is no UTF8String."""
    found = {}
    for extension in certificate.extensions:
        name = _NAMES.get(extension.oid)
        if name is not None:
            found[name] = asn1.decode_der(str, extension.value.public_bytes())
    return {name: found[name] for name in sorted(found) if found[name]}
