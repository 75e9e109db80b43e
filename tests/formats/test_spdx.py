import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed
from evidence_api.domain.sbom import Sbom
from evidence_api.formats.spdx import read_spdx_document
from evidence_api.formats.spdx_elements import MAX_EXPRESSION
from tests.support.outcomes import outcome

DIGEST = "ab" * 32
DOCUMENT: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "product",
    "documentNamespace": "https://example.org/product-1",
    "creationInfo": {"created": "2026-01-31T12:00:00Z", "creators": ["Organization: Acme", "Tool: syft-0.58.0"]},
    "externalDocumentRefs": [
        {
            "externalDocumentId": "DocumentRef-base",
            "spdxDocument": "https://example.org/base",
            "checksum": {"algorithm": "SHA1", "checksumValue": "ab" * 20},
        }
    ],
    "packages": [
        {
            "SPDXID": "SPDXRef-product",
            "name": "product",
            "versionInfo": "2",
            "downloadLocation": "NOASSERTION",
        },
        {
            "SPDXID": "SPDXRef-a",
            "name": "a",
            "versionInfo": "1.0",
            "downloadLocation": "https://example.org/a.tgz",
            "supplier": "Organization: Acme Inc",
            "checksums": [
                {"algorithm": "SHA3-256", "checksumValue": DIGEST},
                {"algorithm": "SHA256", "checksumValue": DIGEST.upper()},
            ],
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "MIT",
            "externalRefs": [
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "cpe23Type",
                    "referenceLocator": "cpe:2.3:a:acme:a:1.0:*:*:*:*:*:*:*",
                },
                {
                    "referenceCategory": "PACKAGE_MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:pypi/a@1.0",
                },
            ],
        },
        {
            "SPDXID": "SPDXRef-b",
            "name": "b",
            "downloadLocation": "NONE",
            "supplier": "NOASSERTION",
            "licenseConcluded": "MIT OR Apache-2.0",
            "licenseDeclared": "MIT",
        },
    ],
    "files": [{"SPDXID": "SPDXRef-file", "fileName": "./a.py"}],
    "relationships": [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-product"},
        {"spdxElementId": "SPDXRef-product", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-a"},
        {"spdxElementId": "SPDXRef-b", "relationshipType": "DEV_DEPENDENCY_OF", "relatedSpdxElement": "SPDXRef-a"},
        {"spdxElementId": "SPDXRef-a", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-file"},
        {"spdxElementId": "SPDXRef-a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "NONE"},
        {
            "spdxElementId": "SPDXRef-a",
            "relationshipType": "DESCENDANT_OF",
            "relatedSpdxElement": "DocumentRef-base:SPDXRef-x",
        },
    ],
}


def read(**changed: Any) -> Sbom:  # noqa: ANN401  any JSON
    return read_spdx_document({**DOCUMENT, **changed})


def with_(path: str, value: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    """The document with one value set, or taken out (None), at a dotted path."""
    document = copy.deepcopy(DOCUMENT)
    *outer, last = (int(step) if step.isdigit() else step for step in path.split("."))
    place: Any = document
    for step in outer:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


def test_a_document_becomes_an_sbom() -> None:
    sbom = read()
    assert (sbom.format, sbom.spec_version, sbom.serial) == ("spdx", "2.3", "https://example.org/product-1")
    assert sbom.tools == ("syft",)
    assert sbom.timestamp == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert sbom.subject is not None
    assert (sbom.subject.ref, sbom.subject.version) == ("SPDXRef-product", "2")
    assert [one.ref for one in sbom.components] == ["SPDXRef-a", "SPDXRef-b"]
    assert sbom.top_level == 2
    first, second = sbom.components
    assert first.hashes == ("sha256:" + DIGEST, "sha3_256:" + DIGEST)
    assert (first.purl, first.supplier, first.licence) == ("pkg:pypi/a@1.0", "Acme Inc", "MIT")
    assert (second.supplier, second.licence, second.licences) == ("", "MIT OR Apache-2.0", ("MIT OR Apache-2.0",))
    assert sbom.edges == (("SPDXRef-a", "SPDXRef-b"), ("SPDXRef-product", "SPDXRef-a"))
    assert (sbom.dependencies, sbom.vulnerabilities) == (2, None)


def test_what_is_not_said_stays_unknown() -> None:
    sbom = read(packages=[], files=[], relationships=[])
    assert (sbom.top_level, sbom.edges, sbom.dependencies, sbom.subject) == (0, None, None, None)
    bare = {key: DOCUMENT[key] for key in DOCUMENT.keys() - {"packages", "files", "relationships"}}
    assert read_spdx_document(bare).top_level is None


def test_the_older_version_and_its_way_to_name_the_subject_are_read() -> None:
    sbom = read(spdxVersion="SPDX-2.2", documentDescribes=["SPDXRef-product"], relationships=[])
    assert sbom.spec_version == "2.2"
    assert sbom.subject is not None
    described_by = {
        "spdxElementId": "SPDXRef-b",
        "relationshipType": "DESCRIBED_BY",
        "relatedSpdxElement": "SPDXRef-DOCUMENT",
    }
    sbom = read(relationships=[described_by])
    assert sbom.subject is not None
    assert sbom.subject.ref == "SPDXRef-b"
    assert read(documentDescribes=["SPDXRef-a", "SPDXRef-b"], relationships=[]).subject is None


def test_a_file_may_be_what_is_described() -> None:
    sbom = read(documentDescribes=["SPDXRef-file"], relationships=[])
    assert sbom.subject is not None
    assert (sbom.subject.name, sbom.top_level) == ("./a.py", 3)


@pytest.mark.parametrize(
    ("creator", "tool"),
    [
        ("Tool: syft-0.58.0", "syft"),
        ("Tool: ko 0.12.0", "ko"),
        ("Tool: bom-v0.4.1", "bom"),
        ("Tool: Microsoft.SBOMTool-1.2.3+abc", "Microsoft.SBOMTool"),
        ("Tool: GitHub.com-Dependency-Graph", "GitHub.com-Dependency-Graph"),
        ("Tool: https://example.org/maker", "https://example.org/maker"),
        ("Tool: 7zip", "7zip"),
    ],
)
def test_a_tool_stays_the_same_through_its_versions(creator: str, tool: str) -> None:
    assert read(creationInfo={"created": "2026-01-31T12:00:00Z", "creators": [creator]}).tools == (tool,)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spdxVersion", "SPDX-3.0"),
        ("spdxVersion", "2.3"),
        ("spdxVersion", 2.3),
        ("SPDXID", "SPDXRef-Document"),
        ("dataLicense", "MIT"),
        ("name", None),
        ("documentNamespace", None),
        ("documentNamespace", "not a uri"),
        ("documentNamespace", "https://example.org/a#b"),
        ("creationInfo", None),
        ("creationInfo.created", "yesterday"),
        ("creationInfo.created", None),
        ("creationInfo.creators", []),
        ("creationInfo.creators.0", "Acme"),
        ("creationInfo.creators.0", 1),
        ("externalDocumentRefs.0.externalDocumentId", None),
        ("externalDocumentRefs.0.spdxDocument", 1),
        ("packages", {}),
        ("packages.1", "a"),
        ("packages.1.name", None),
        ("packages.1.name", 1),
        ("packages.1.SPDXID", None),
        ("packages.1.SPDXID", "a"),
        ("packages.1.SPDXID", "SPDXRef-a b"),
        ("packages.1.downloadLocation", None),
        ("packages.1.supplier", "Acme"),
        ("packages.1.versionInfo", 1),
        ("packages.1.checksums", 1),
        ("packages.1.checksums.0", 1),
        ("packages.1.checksums.0.algorithm", "SHA-256"),
        ("packages.1.checksums.0.algorithm", ["SHA256"]),
        ("packages.1.checksums.0.checksumValue", "ab"),
        ("packages.1.checksums.0.checksumValue", "zz" * 32),
        ("packages.1.checksums.0.checksumValue", None),
        ("packages.1.licenseDeclared", "Public Domain"),
        ("packages.1.licenseDeclared", "MIT " * MAX_EXPRESSION),
        ("packages.1.licenseConcluded", "MIT AND"),
        ("packages.1.externalRefs.1.referenceCategory", "package"),
        ("packages.1.externalRefs.1.referenceCategory", ["OTHER"]),
        ("packages.1.externalRefs.1.referenceLocator", None),
        ("packages.1.externalRefs.1.referenceType", 1),
        ("files.0.fileName", None),
        ("files.0.SPDXID", "file"),
        ("documentDescribes", "SPDXRef-a"),
        ("relationships", 1),
        ("relationships.1.relationshipType", "NEEDS"),
        ("relationships.1.relationshipType", None),
        ("relationships.1.spdxElementId", "SPDXRef-nowhere"),
        ("relationships.1.spdxElementId", "NONE"),
        ("relationships.1.relatedSpdxElement", "SPDXRef-nowhere"),
        ("relationships.1.relatedSpdxElement", ["SPDXRef-a"]),
        ("relationships.1.relatedSpdxElement", "DocumentRef-other:SPDXRef-a"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(path: str, value: object) -> None:
    with pytest.raises(Malformed) as caught:
        read_spdx_document(with_(path, value))
    assert caught.value.fields["path"] == path
    assert len(str(caught.value.fields["value"])) <= 120
    assert len(caught.value.message) < 400


def test_one_identifier_names_one_element() -> None:
    with pytest.raises(Malformed) as caught:
        read_spdx_document(with_("files.0.SPDXID", "SPDXRef-a"))
    assert (caught.value.fields["path"], caught.value.fields["value"]) == ("SPDXID", "SPDXRef-a")


def test_members_of_neither_version_are_ignored() -> None:
    package = {**DOCUMENT["packages"][0], "surprise": []}
    assert read(surprise=1, packages=[package], files=[], relationships=[]).top_level == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["SPDXRef-a", "NONE", "MIT"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["SPDXID", "name", "checksums", "externalRefs", "relationshipType", "creators"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted({*DOCUMENT, "snippets", "documentDescribes"})), JSON, max_size=3))
def test_any_json_is_read_or_refused_with_a_code(changed: dict[str, Any]) -> None:
    assert outcome(lambda: read(**changed)) in {"ok", "malformed"}
