"""The index of components, first step: an SBOM's components become the rows of the index.

The index answers "who has this package". What an SBOM says in full is in its signed bytes, so texts are cut here to
what an index of PostgreSQL takes.
"""

import hashlib
from uuid import UUID

from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.sbom import Sbom, SbomComponent
from evidence_api.formats.packages import PackageUrl, parse_purl

MAX_TEXT = 512  # characters of one field; an entry of an index must stay under 2,704 bytes
MAX_HASHES = 16


def indexed(sbom: Sbom) -> list[IndexedComponent]:
    """The distinct components of an SBOM, what it describes among them, by id: the order every writer takes them in."""
    described = () if sbom.subject is None else (sbom.subject,)
    rows = {row.id: row for row in map(_row, (*described, *sbom.components))}
    return [rows[key] for key in sorted(rows)]


def indexed_package(url: PackageUrl) -> str:
    """`pkg:type/namespace/name`: what all versions and builds of a package have in common."""
    place = f"{url.namespace}/" if url.namespace else ""
    return _text(f"pkg:{url.type}/{place}{url.name}")


def _row(one: SbomComponent) -> IndexedComponent:
    url = parse_purl(one.purl) if one.purl else None
    package = "" if url is None else indexed_package(url)
    hashes = tuple(_text(value).replace(" ", "") for value in one.hashes[:MAX_HASHES])
    version = _text(one.version or (url.version if url else ""))
    name, purl, supplier, licence = map(_text, (one.name, one.purl, one.supplier, one.licence))
    content = "\0".join((package, version, name, purl, supplier, licence, *hashes)).encode()
    named = UUID(bytes=hashlib.sha256(content).digest()[:16])
    return IndexedComponent(named, package, version, name, purl, supplier, licence, hashes)


def _text(value: str) -> str:
    """What a PostgreSQL text takes: no NUL, no lone surrogate, and not too long."""
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode()
    return value[:MAX_TEXT].replace("\0", " ") if len(value) > MAX_TEXT or "\0" in value else value
