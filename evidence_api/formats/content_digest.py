"""Content-Digest (RFC 9530): says what the body of a message is, so that a signature that covers it covers the body."""

from hashlib import sha256, sha512
from hmac import compare_digest

from evidence_api.domain.errors import Malformed, VerificationFailed
from evidence_api.formats import structured_fields

NAME = "content-digest"
_ALGORITHMS = {"sha-256": sha256, "sha-512": sha512}  # those of section 5 that still hold


def content_digest(body: bytes) -> str:
    """The field's value, by SHA-256.

    >>> content_digest(b"{}")
    'sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:'
    """
    return structured_fields.serialise({"sha-256": (sha256(body).digest(), {})})


def check_content_digest(value: str, body: bytes) -> None:
    """Check every digest of an algorithm that holds; there must be one. Raises Malformed `content_digest`,
    VerificationFailed `digest_mismatch`."""
    try:
        members = structured_fields.parse(value, "dictionary", name=NAME, once=True)
    except Malformed as fault:
        raise Malformed(fault.message, code="content_digest", path=NAME) from fault
    known = [name for name in _ALGORITHMS if name in members]
    if not known:
        raise Malformed(f"Content-Digest names none of {', '.join(_ALGORITHMS)}", code="content_digest", path=NAME)
    for name in known:
        said = members[name][0]
        if not isinstance(said, bytes):
            raise Malformed(f"{name} of Content-Digest is not bytes", code="content_digest", path=NAME)
        if not compare_digest(said, _ALGORITHMS[name](body).digest()):
            raise VerificationFailed(f"the body has another {name} digest", code="digest_mismatch", path=NAME)
