"""SPDX, the elements: packages, files and snippets checked field by field, packages read as components.

Sources: SPDX 2.3, sections 7 (packages), 8 (files), 9 (snippets) and 3.2 of Annex F for external references. Files
without checksums are taken, though section 8.4 wants one: widely used tools write them, and no digest is claimed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from evidence_api.domain.errors import Malformed
from evidence_api.domain.sbom import SbomComponent
from evidence_api.domain.typed_json import inside
from evidence_api.formats.cyclonedx_reading import hash_name
from evidence_api.formats.spdx_expression import is_licence_expression

Part: TypeAlias = Mapping[str, Any]

IDENTIFIER = re.compile(r"SPDXRef-[A-Za-z0-9.-]+")
_AGENT = re.compile(r"(?:Person|Organization): *(\S.*)", re.DOTALL)
_HEX = re.compile(r"[0-9A-Fa-f]+")
_SHOWN = 120
MAX_EXPRESSION = 8_192  # characters of a licence expression

# Hex digits by algorithm (section 7.10); MD6 and BLAKE3 have digests of any length.
_HEX_DIGITS: Mapping[str, int | None] = {
    "ADLER32": 8,
    **dict.fromkeys(("MD2", "MD4", "MD5"), 32),
    "SHA1": 40,
    "SHA224": 56,
    **dict.fromkeys(("SHA256", "SHA3-256", "BLAKE2b-256"), 64),
    **dict.fromkeys(("SHA384", "SHA3-384", "BLAKE2b-384"), 96),
    **dict.fromkeys(("SHA512", "SHA3-512", "BLAKE2b-512"), 128),
    **dict.fromkeys(("MD6", "BLAKE3"), None),
}
# Section 7.21; JSON was first written with underscores, then with hyphens.
_CATEGORIES = frozenset({"SECURITY", "PACKAGE-MANAGER", "PACKAGE_MANAGER", "PERSISTENT-ID", "PERSISTENT_ID", "OTHER"})


def read_package(package: Part) -> SbomComponent:
    """One package (section 7). Raises Malformed with the path inside the package."""
    concluded, declared = (licence(package, field) for field in ("licenseConcluded", "licenseDeclared"))
    required_text(package, "downloadLocation")
    stated = concluded if concluded not in {"", "NOASSERTION"} else declared
    stated = "" if stated == "NOASSERTION" else stated
    return SbomComponent(
        ref=identifier(package),
        name=_stated_text(package, "name"),
        version=text(package, "versionInfo"),
        purl=_purl(package),
        supplier=_agent(package, "supplier"),
        hashes=_checksums(package),
        licence=stated,
        licences=(stated,) if stated else (),
    )


def read_file(file: Part) -> SbomComponent:
    """One file (section 8). Raises Malformed with the path inside the file."""
    licence(file, "licenseConcluded")
    return SbomComponent(identifier(file), required_text(file, "fileName"), hashes=_checksums(file))


def read_snippet(snippet: Part) -> SbomComponent:
    """One snippet (section 9): all that is looked at is what it is called. Raises Malformed."""
    return SbomComponent(identifier(snippet), text(snippet, "name"))


def identifier(element: Part) -> str:
    """Its SPDXID (section 7.2). Raises Malformed."""
    found = required_text(element, "SPDXID")
    if not IDENTIFIER.fullmatch(found):
        raise unfit(f"not an identifier SPDXRef-… of letters, digits, '.' and '-': {found[:_SHOWN]!r}", "SPDXID", found)
    return found


def licence(element: Part, field: str) -> str:
    """A licence expression, NONE or NOASSERTION; "" if not given. Raises Malformed."""
    found = text(element, field)
    if len(found) > MAX_EXPRESSION:
        message = f"{field}: longer than {MAX_EXPRESSION} characters"
        raise Malformed(message, path=field, limit=MAX_EXPRESSION, value=len(found))
    if found and not is_licence_expression(found):
        raise unfit(f"not a licence expression: {found[:_SHOWN]!r}", field, found)
    return found


def text(element: Part, field: str) -> str:
    """A member that is text; "" if it is not there. Raises Malformed for anything else."""
    found = element.get(field, "")
    if not isinstance(found, str):
        raise unfit(f"not text: {found!r:.120}", field, found)
    return found


def required_text(element: Part, field: str) -> str:
    """A member that is there and not empty. Raises Malformed."""
    found = text(element, field)
    if not found:
        raise unfit("is required", field, element.get(field))
    return found


def _stated_text(element: Part, field: str) -> str:
    """A member that is there; it may be empty, as the names of image layers are. Raises Malformed."""
    if field not in element:
        raise unfit("is required", field)
    return text(element, field)


def parts(element: Part, field: str) -> Iterator[tuple[int, Part]]:
    """A list of objects with their places; none if it is not there. Raises Malformed."""
    listed = element.get(field, ())
    if not isinstance(listed, list | tuple):
        raise unfit("not a list", field, listed)
    for place, one in enumerate(listed):
        if not isinstance(one, Mapping):
            raise unfit("not an object", f"{field}.{place}", one)
        yield place, one


def read_each(element: Part, field: str, read: Callable[[Part], SbomComponent]) -> Iterator[SbomComponent]:
    """Each object of a list, read; refusals with the path from outside the list."""
    for place, one in parts(element, field):
        try:
            yield read(one)
        except Malformed as fault:
            raise inside(fault, f"{field}.{place}") from fault


def unfit(reason: str, path: str, value: object = None) -> Malformed:
    """A refusal of one field."""
    return Malformed(f"{path}: {reason}", path=path, value=str(value)[:_SHOWN])


def _checksums(element: Part) -> tuple[str, ...]:
    """The digests as "algorithm:hex", sorted. Raises Malformed for an algorithm or a value that is none."""
    found = set()
    for place, one in parts(element, "checksums"):
        path = f"checksums.{place}"
        algorithm, value = one.get("algorithm"), one.get("checksumValue")
        if not isinstance(algorithm, str) or algorithm not in _HEX_DIGITS:
            raise unfit(f"not an algorithm of SPDX: {algorithm!r:.120}", f"{path}.algorithm", algorithm)
        digits = _HEX_DIGITS[algorithm]
        if not isinstance(value, str) or not _HEX.fullmatch(value) or digits not in {None, len(value)}:
            length = "" if digits is None else f"{digits} "
            raise unfit(f"not {length}hex digits of {algorithm}: {value!r:.140}", f"{path}.checksumValue", value)
        found.add(f"{hash_name(algorithm)}:{value.lower()}")
    return tuple(sorted(found))


def _purl(package: Part) -> str:
    """The first package URL among the external references, all of which are checked. Raises Malformed."""
    found = ""
    for place, one in parts(package, "externalRefs"):
        category = one.get("referenceCategory")
        if not isinstance(category, str) or category not in _CATEGORIES:
            raise unfit(f"not a category: {category!r:.120}", f"externalRefs.{place}.referenceCategory", category)
        for field in ("referenceType", "referenceLocator"):
            if not one.get(field) or not isinstance(one[field], str):
                raise unfit("is required", f"externalRefs.{place}.{field}", one.get(field))
        if one["referenceType"] == "purl":
            found = found or one["referenceLocator"]
    return found


def _agent(package: Part, field: str) -> str:
    """A person's or an organisation's name (section 7.5); "" for NOASSERTION. Raises Malformed."""
    stated = text(package, field)
    if stated in {"", "NOASSERTION"}:
        return ""
    named = _AGENT.fullmatch(stated)
    if named is None:
        raise unfit(f"neither Person:, Organization: nor NOASSERTION: {stated[:_SHOWN]!r}", field, stated)
    return named[1]
