"""Synthetic SBOMs of any size in each format, the same for the same numbers, written as bytes piece by piece."""

import hashlib
from collections.abc import Iterator

LICENCES = ("MIT", "Apache-2.0", "BSD-3-Clause", "ISC", "LGPL-2.1-only")
_PREDECESSORS = (1, 2, 7)  # each component depends on those written so many places before it


def cyclonedx_json(components: int, *, full: bool = True, vulnerabilities: int = 0) -> bytes:
    """CycloneDX 1.6. A `full` component has hash, licence, supplier and edges (some 500 bytes); else some 150."""
    parts = [_cyclonedx_json_component(number, full=full) for number in range(components)]
    edges = [
        f'{{"ref":"ref-{number}","dependsOn":[{",".join(_quoted(number))}]}}'
        for number in range(components if full else 0)
    ]
    found = [
        f'{{"id":"CVE-2026-{number}","ratings":[{{"severity":"high"}}],"affects":[{{"ref":"ref-{number}"}}]}}'
        for number in range(vulnerabilities)
    ]
    return (
        '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"timestamp":"2026-01-31T12:00:00Z",'
        '"component":{"type":"application","name":"product","version":"1","bom-ref":"product"}},'
        f'"components":[{",".join(parts)}],"dependencies":[{",".join(edges)}],"vulnerabilities":[{",".join(found)}]}}'
    ).encode()


def cyclonedx_xml(components: int, *, full: bool = True) -> bytes:
    """The same in CycloneDX 1.6 XML."""
    parts = [_cyclonedx_xml_component(number, full=full) for number in range(components)]
    edges = [
        f'<dependency ref="ref-{number}">'
        + "".join(f'<dependency ref="ref-{one}"/>' for one in _before(number))
        + "</dependency>"
        for number in range(components if full else 0)
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">'
        "<metadata><timestamp>2026-01-31T12:00:00Z</timestamp>"
        '<component type="application" bom-ref="product"><name>product</name><version>1</version></component>'
        "</metadata>\n"
        f"<components>{''.join(parts)}</components><dependencies>{''.join(edges)}</dependencies></bom>"
    ).encode()


def spdx_json(packages: int, *, full: bool = True) -> bytes:
    """SPDX 2.3. A `full` package has checksum, licence, supplier and relationships."""
    parts = [_spdx_package(number, full=full) for number in range(packages)]
    edges = ['{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-p-0"}']
    edges += [
        f'{{"spdxElementId":"SPDXRef-p-{number}","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-p-{one}"}}'
        for number in range(packages if full else 0)
        for one in _before(number)
    ]
    return (
        '{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"product",'
        '"documentNamespace":"https://example.org/product","creationInfo":{"created":"2026-01-31T12:00:00Z",'
        f'"creators":["Tool: maker-1"]}},"packages":[{",".join(parts)}],"relationships":[{",".join(edges)}]}}'
    ).encode()


def _before(number: int) -> Iterator[int]:
    return (number - step for step in _PREDECESSORS if number >= step)


def _quoted(number: int) -> Iterator[str]:
    return (f'"ref-{one}"' for one in _before(number))


def _cyclonedx_json_component(number: int, *, full: bool) -> str:
    core = (
        f'"type":"library","bom-ref":"ref-{number}","name":"part-{number}","version":"1.{number % 40}.0",'
        f'"purl":"pkg:pypi/part-{number}@1.{number % 40}.0"'
    )
    if not full:
        return f"{{{core}}}"
    return (
        f'{{{core},"supplier":{{"name":"Supplier {number % 99}"}},"scope":"required",'
        f'"hashes":[{{"alg":"SHA-256","content":"{_digest(number)}"}}],'
        f'"licenses":[{{"license":{{"id":"{LICENCES[number % 5]}"}}}}],'
        f'"description":"The part number {number} of a product that needs many of them"}}'
    )


def _cyclonedx_xml_component(number: int, *, full: bool) -> str:
    version = f"1.{number % 40}.0"
    purl = f"<purl>pkg:pypi/part-{number}@{version}</purl></component>\n"
    begin = f'<component type="library" bom-ref="ref-{number}">'
    named = f"<name>part-{number}</name><version>{version}</version>"
    if not full:
        return begin + named + purl
    return (
        f"{begin}<supplier><name>Supplier {number % 99}</name></supplier>{named}"
        f"<description>The part number {number} of a product that needs many of them</description>"
        f'<scope>required</scope><hashes><hash alg="SHA-256">{_digest(number)}</hash></hashes>'
        f"<licenses><license><id>{LICENCES[number % 5]}</id></license></licenses>{purl}"
    )


def _spdx_package(number: int, *, full: bool) -> str:
    version = f"1.{number % 40}.0"
    core = (
        f'"SPDXID":"SPDXRef-p-{number}","name":"part-{number}","versionInfo":"{version}","downloadLocation":"NOASSERTION",'
        f'"filesAnalyzed":false'
    )
    if not full:
        return f"{{{core}}}"
    return (
        f'{{{core},"supplier":"Organization: Supplier {number % 99}",'
        f'"checksums":[{{"algorithm":"SHA256","checksumValue":"{_digest(number)}"}}],'
        f'"licenseConcluded":"NOASSERTION","licenseDeclared":"{LICENCES[number % 5]}","copyrightText":"NOASSERTION",'
        f'"externalRefs":[{{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl",'
        f'"referenceLocator":"pkg:pypi/part-{number}@{version}"}}]}}'
    )


def _digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()
