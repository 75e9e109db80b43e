import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats import cyclonedx_reading
from evidence_api.formats.cyclonedx import SPEC_VERSIONS, read_bom, validate_bom

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
MEMBERS = st.sampled_from(["components", "metadata", "vulnerabilities", "dependencies", "serialNumber", "$schema", "x"])


def bom(spec: str = "1.6", /, **members: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"bomFormat": "CycloneDX", "specVersion": spec, "version": 1, **members}


@pytest.mark.parametrize("version", SPEC_VERSIONS)
def test_the_least_document_of_each_version_is_valid(version: str) -> None:
    assert validate_bom(bom(version)) == version


@pytest.mark.parametrize("version", SPEC_VERSIONS)
def test_unknown_members_are_refused_in_each_version(version: str) -> None:
    with pytest.raises(Malformed):
        validate_bom(bom(version, surprise=1))


@pytest.mark.parametrize("version", [None, 1.6, "1.1", "2.0", ["1.6"], "1.6 "])
def test_versions_without_a_json_schema_are_refused(version: object) -> None:
    with pytest.raises(Malformed) as caught:
        validate_bom({"bomFormat": "CycloneDX", "specVersion": version})
    assert caught.value.fields["path"] == "specVersion"


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"components": [{"type": "library"}]}, "components.0"),
        ({"components": [{"type": "foo", "name": "a"}]}, "components.0.type"),
        (
            {"components": [{"type": "library", "name": "a", "hashes": [{"alg": "MD5", "content": "x" * 500}]}]},
            "components.0.hashes.0.content",
        ),
        ({"serialNumber": "urn:uuid:nothing"}, "serialNumber"),
        ({"metadata": {"timestamp": "yesterday"}}, "metadata.timestamp"),
        ({"metadata": {"authors": [{"email": "not an address"}]}}, "metadata.authors.0.email"),
        ({"externalReferences": [{"type": "vcs", "url": "https://a b"}]}, "externalReferences.0.url"),
        ({"components": [{"type": "library", "name": "a", "licenses": [{"license": {"id": "No-1"}}]}]}, None),
        ({"signature": {"algorithm": "nothing"}}, None),
        ({"version": float("nan")}, "version"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(members: dict[str, Any], path: str | None) -> None:
    with pytest.raises(Malformed) as caught:
        validate_bom(bom(**members))
    assert path is None or caught.value.fields["path"] == path
    assert len(str(caught.value.fields["value"])) <= 130
    assert len(caught.value.message) < 600


@pytest.mark.parametrize(
    ("version", "name", "taken"),
    [
        ("1.3", "http://cyclonedx.org/schema/bom-1.3.schema.json", True),
        ("1.3", "http://cyclonedx.org/schema/bom-1.3a.schema.json", True),
        ("1.2", "http://cyclonedx.org/schema/bom-1.2b.schema.json", True),
        ("1.6", "https://cyclonedx.org/schema/bom-1.6.schema.json", True),
        ("1.6", "http://example.org/schema/bom-1.6.schema.json", True),
        ("1.7", "../schema/bom-1.7.schema.json", True),
        ("1.5", "http://cyclonedx.org/schema/bom-1.4.schema.json", False),
        ("1.5", "http://example.org/schema/bom-1.5.schema.json", False),
        ("1.5", None, False),
        ("1.6", None, False),
    ],
)
def test_the_schema_named_is_that_of_the_version(version: str, name: str | None, taken: bool) -> None:  # noqa: FBT001  a table
    document = bom(version, **{"$schema": name})
    if taken:
        assert validate_bom(document) == version
    else:
        with pytest.raises(Malformed) as caught:
            validate_bom(document)
        assert caught.value.fields["path"] == "$schema"


def test_reads_components_nested_ones_and_tools() -> None:
    inner = {"type": "library", "name": "inner", "purl": "pkg:pypi/inner@1"}
    outer = {
        "type": "library",
        "name": "outer",
        "version": "2",
        "hashes": [{"alg": "SHA-1", "content": "AB" * 20}],
        "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Ours"}}],
        "components": [inner, {"type": "file", "name": "beside"}],
    }
    other = {"type": "library", "name": "other", "licenses": [{"expression": "MIT OR Apache-2.0"}]}
    read = read_bom(
        bom(
            components=[outer, other],
            metadata={"timestamp": "2026-01-31T12:00:00+00:00", "tools": [{"name": "syft", "version": "1"}]},
            dependencies=[{"ref": "a"}, {"ref": "b"}],
        )
    )
    assert [one.name for one in read.components] == ["outer", "other", "inner", "beside"]
    assert read.top_level == 2
    assert read.components[0].hashes == ("sha1:" + "ab" * 20,)
    assert read.components[0].licences == ("MIT", "Ours")
    assert read.components[1].licences == ("MIT OR Apache-2.0",)
    assert read.tools == ("syft",)
    assert read.dependencies == 2
    assert read.vulnerabilities is None


def test_members_that_are_not_there_stay_unknown() -> None:
    read = read_bom(bom())
    unknown = (read.top_level, read.dependencies, read.edges, read.vulnerabilities, read.timestamp, read.subject)
    assert set(unknown) == {None}
    assert read.components == ()
    assert read_bom(bom(components=[], vulnerabilities=[])).vulnerabilities == ()


@pytest.mark.parametrize(
    ("ratings", "severity"),
    [
        ([], None),
        ([{"severity": "unknown"}], None),
        ([{"severity": "low"}, {"severity": "critical"}, {"severity": "unknown"}], "critical"),
        ([{"score": 9.8, "method": "CVSSv31"}], "critical"),
        ([{"score": 9.8, "method": "CVSSv31", "severity": "medium"}], "medium"),
        ([{"score": 9.8, "method": "other"}], None),
        ([{"severity": "none"}], "none"),
    ],
)
def test_the_highest_stated_severity_counts(ratings: list[dict[str, Any]], severity: str | None) -> None:
    read = read_bom(bom(vulnerabilities=[{"id": "CVE-1", "ratings": ratings}]))
    assert read.vulnerabilities is not None
    assert read.vulnerabilities[0].severity == severity


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("exploitable", True),
        ("in_triage", True),
        ("not_affected", False),
        ("false_positive", False),
        ("resolved", False),
        ("resolved_with_pedigree", False),
    ],
)
def test_vex_rules_out_what_it_says_does_not_apply(state: str, counts: bool) -> None:  # noqa: FBT001  a table
    read = read_bom(bom(vulnerabilities=[{"id": "CVE-1", "analysis": {"state": state}}]))
    assert read.vulnerabilities is not None
    assert read.vulnerabilities[0].counts is counts


def test_two_megabytes_take_tens_of_milliseconds() -> None:
    component = {"type": "library", "name": "part", "licenses": [{"license": {"id": "MIT"}}]}
    hashes = [{"alg": "SHA-256", "content": "ab" * 32}]
    many = [
        {**component, "bom-ref": f"part-{number}", "version": str(number), "hashes": hashes} for number in range(12_000)
    ]
    document = bom(components=many)
    validate_bom(bom())  # compiled beforehand
    begun = time.perf_counter()
    validate_bom(document)
    assert time.perf_counter() - begun < 1.0  # the limit is lenient because the machine is shared; about 30 ms alone


def test_depth_beyond_recursion_is_read() -> None:
    component: dict[str, Any] = {"type": "library", "name": "innermost"}
    for _ in range(60):
        component = {"type": "library", "name": "outer", "components": [component]}
    read = read_bom(bom(components=[component]))
    assert (len(read.components), read.top_level) == (61, 1)


def test_the_edges_of_one_bom_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cyclonedx_reading, "MAX_EDGES", 3)
    dependencies = [{"ref": "a", "dependsOn": ["b", "c"]}, {"ref": "b", "dependsOn": ["c"]}]
    assert read_bom(bom(dependencies=dependencies)).edges == (("a", "b"), ("a", "c"), ("b", "c"))
    with pytest.raises(TooLarge) as caught:
        read_bom(bom(dependencies=[*dependencies, {"ref": "c", "dependsOn": ["a"]}]))
    assert (caught.value.fields["limit"], caught.value.fields["value"]) == (3, 4)


@pytest.mark.parametrize(
    ("licences", "one"),
    [
        ([{"license": {"id": "MIT"}}], "MIT"),
        ([{"license": {"id": "MIT"}}, {"license": {"id": "MIT"}}], "MIT"),
        ([{"license": {"id": "MIT"}}, {"license": {"name": "Ours"}}], "MIT AND Ours"),
        ([{"expression": "MIT OR ISC"}], "MIT OR ISC"),
        ([{"license": {"name": "A or B"}}, {"license": {"id": "MIT"}}], "(A or B) AND MIT"),
        (
            [
                {"license": {"id": "MIT", "acknowledgement": "declared"}},
                {"license": {"id": "ISC", "acknowledgement": "concluded"}},
            ],
            "ISC",
        ),
    ],
)
def test_the_licences_of_a_component_become_one(licences: list[dict[str, Any]], one: str) -> None:
    component = {"type": "library", "name": "a", "licenses": licences}
    assert read_bom(bom(components=[component])).components[0].licence == one


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(SPEC_VERSIONS), st.dictionaries(MEMBERS, JSON, max_size=4))
def test_any_json_is_read_or_refused_with_a_code(version: str, members: dict[str, Any]) -> None:
    try:
        assert read_bom(bom(version, **members)).spec_version == version
    except Malformed as refusal:
        assert (refusal.code, type(refusal.fields["path"])) == ("malformed", str)  # noqa: PT017  either outcome is right
