"""Raw documents, what they are about: the digests by which an SBOM names the thing it describes.

A tool has three places for the digest of a container image: the component's hashes, its package URL (pkg:oci) and,
as Syft does, its version.
"""

import re
from collections.abc import Iterable, Iterator

from evidence_api.domain.errors import Malformed
from evidence_api.domain.sbom import Sbom
from evidence_api.domain.statement import Subject
from evidence_api.formats.statement import read_resource

_OCI = re.compile(r"pkg:oci/[^@?#]+@(sha256)(?::|%3[Aa])([0-9a-f]{64})(?:[?#]|\Z)")
_DIGEST = re.compile(r"(sha256):([0-9a-f]{64})\Z")
_MAX_NAME = 1024


def sbom_subjects(sbom: Sbom) -> tuple[Subject, ...]:
    """The described component as a subject, if it has a digest. Digests are a component's own; the first counts."""
    component = sbom.subject
    if component is None:
        return ()
    digest: dict[str, str] = {}
    for algorithm, value in (*_split(component.hashes), *image_digests(component.purl, component.version)):
        digest.setdefault(algorithm, value)
    name = (component.purl or component.name)[:_MAX_NAME]
    return (Subject(name, digest),) if digest else ()


def image_digests(*texts: str) -> Iterator[tuple[str, str]]:
    """(algorithm, hex) of package URLs of container images, and of bare `sha256:…`."""
    for text in texts:
        found = _OCI.match(text) or _DIGEST.match(text)
        if found:
            yield found[1], found[2]


def _split(hashes: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(algorithm, hex) with in-toto's names; a hash that has not its algorithm's length names nothing."""
    for one in hashes:
        algorithm, _, value = one.partition(":")
        named = algorithm.replace("-", "_")
        try:
            read_resource({"digest": {named: value}}, "hash")
        except Malformed:  # the document is still valid: its schema does not tie lengths to algorithms
            continue
        yield named, value
