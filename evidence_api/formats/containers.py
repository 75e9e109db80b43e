"""Reading, before the first step: the members of a document that only carries uploads.

    {bundle}                                GitHub: one attestation of its API, or a webhook's
    {attestations: [{bundle}, …]}           GitHub's list for an artifact, npm's for a package
    {version, attestation_bundles: […]}     PEP 740 provenance object: attestations of one file, by publisher
    one JSON object a line                  what `gh attestation download` writes

A container is not signed, so nothing hangs on its spelling: its members are written again, and what names evidence is
inside them. The lines of a JSON Lines file are taken as they are.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from evidence_api.domain.errors import Malformed
from evidence_api.formats import dsse, pep740, strict_json

Json: TypeAlias = Mapping[str, Any]

MARKS = (b'"attestations"', b'"attestation_bundles"')  # no container of several is without one of these


def members_of(document: Json) -> tuple[Json, ...] | None:
    """What a container holds, in order; None for a document that is none. Raises Malformed with the path."""
    if pep740.is_provenance(document):
        return pep740.attestations_of(document)
    if isinstance(document.get("bundle"), dict):
        return (document["bundle"],)
    listed = document.get("attestations")
    if not isinstance(listed, list):
        return None
    if not listed:
        raise Malformed("the list holds no attestation", path="attestations")
    return tuple(_bundle(one, f"attestations[{index}]") for index, one in enumerate(listed))


def lines_of(body: bytes) -> tuple[bytes, ...]:
    """The lines of a JSON Lines file, without blank ones; the body alone when it is not one of several lines, each
    beginning as an object."""
    lines = [line for line in body.splitlines() if line.strip()]
    several = len(lines) > 1 and all(line.lstrip()[:1] == b"{" for line in lines)
    return tuple(lines) if several and _is_object(lines[0]) else (body,)


def split(body: bytes) -> tuple[bytes, ...]:
    """Every member of every line. Raises Malformed, TooLarge."""
    found: list[bytes] = []
    for line in lines_of(body):
        members = members_of(strict_json.load_object(line))
        found.extend((line,) if members is None else (orjson.dumps(one) for one in members))
    return tuple(found)


def _bundle(value: object, path: str) -> Json:
    bundle = value.get("bundle") if isinstance(value, dict) else None
    if isinstance(value, dict) and isinstance(bundle, dict):
        _check_described(value.get("predicateType"), bundle, path)
        return bundle
    if isinstance(value, dict) and value.get("bundle_url"):
        raise Malformed(f"{path} only says where its bundle is; send the bundle itself", path=f"{path}.bundle")
    raise Malformed(f"{path} is not a {{bundle}}", path=f"{path}.bundle")


def _check_described(predicate_type: object, bundle: Json, path: str) -> None:
    """A registry says beside each bundle what it attests. Who goes by that must not be told otherwise than by the
    signed statement. Raises Malformed; a bundle that cannot be read is left to whoever reads it next."""
    envelope = bundle.get("dsseEnvelope")
    if predicate_type is None or not isinstance(envelope, dict):
        return
    try:
        statement = orjson.loads(dsse.decode_base64(envelope.get("payload"), "payload"))
    except (Malformed, orjson.JSONDecodeError):
        return
    signed = statement.get("predicateType") if isinstance(statement, dict) else None
    if signed != predicate_type:
        raise Malformed(
            f"{path} is announced as {str(predicate_type)[:100]!r} and says {str(signed)[:100]!r}",
            path=f"{path}.predicateType",
        )


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
