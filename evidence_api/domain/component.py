"""The index of components, first step: what SBOMs say of a component, as one row named by its content.

Two SBOMs that say the same of a component share its row. The index answers "who has this package"; what an SBOM says
in full is in its signed bytes, so texts are cut here to what an index takes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID

from evidence_api.domain.sbom import Sbom, SbomComponent

MAX_TEXT = 512  # characters of one field; a row of an index must stay under PostgreSQL's 2,704 bytes
MAX_HASHES = 16
# Types whose names are the same in any case (purl-spec, types); PyPI's also with "_" for "-".
_CASELESS = frozenset({"alpm", "apk", "bitbucket", "composer", "deb", "github", "hex", "pypi", "rpm"})


@dataclass(frozen=True, slots=True)
class IndexedComponent:
    """One component as the index has it. `id` is the first half of the SHA-256 over all the others; `package` is the
    purl without version, qualifiers and subpath ("" if it has none)."""

    id: UUID
    package: str
    version: str
    name: str
    purl: str
    supplier: str
    licence: str
    hashes: tuple[str, ...]


def indexed(sbom: Sbom) -> list[IndexedComponent]:
    """The distinct components of an SBOM, sorted by id: the order in which every writer takes them."""
    subject: Iterable[SbomComponent] = () if sbom.subject is None else (sbom.subject,)
    rows = {row.id: row for one in (*subject, *sbom.components) for row in (_row(one),)}
    return [rows[key] for key in sorted(rows)]


def package_of(purl: str) -> str:
    """`pkg:type/namespace/name` of a purl, decoded and in one spelling; "" for what is no purl.

    Lenient: an index finds what sloppy tools write too. `pkg:npm/%40scope/name@1?a=b#c` is `pkg:npm/@scope/name`.
    """
    scheme, _, rest = purl.partition(":")
    if scheme.lower() != "pkg":
        return ""
    path = rest.partition("#")[0].partition("?")[0].strip("/")
    kind, _, place = path.partition("/")
    kind = kind.lower()
    cut = place.find("@", place.rfind("/") + 1)
    place = place if cut < 0 else place[:cut]
    if "%" in place:
        place = unquote(place)
    if kind in _CASELESS:
        place = place.lower().replace("_", "-") if kind == "pypi" else place.lower()
    return f"pkg:{kind}/{place}" if kind and place else ""


def version_of(purl: str) -> str:
    """The version in a purl, decoded; "" if it has none."""
    path = purl.partition("#")[0].partition("?")[0]
    cut = path.find("@", path.rfind("/") + 1)
    return "" if cut < 0 else unquote(path[cut + 1 :])


def _row(one: SbomComponent) -> IndexedComponent:
    purl = _text(one.purl)
    texts = (package_of(purl), _text(one.version), _text(one.name), purl, _text(one.supplier), _text(one.licence))
    hashes = tuple(_text(value).replace(" ", "") for value in one.hashes[:MAX_HASHES])
    content = "\0".join((*texts, *hashes)).encode()
    return IndexedComponent(UUID(bytes=hashlib.sha256(content).digest()[:16]), *texts, hashes)


def _text(value: str) -> str:
    """What a PostgreSQL text takes: no NUL, no lone surrogate, and not too long."""
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode()
    return value[:MAX_TEXT].replace("\0", " ") if len(value) > MAX_TEXT or "\0" in value else value
