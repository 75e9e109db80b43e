from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats.cyclonedx import SPEC_VERSIONS, read_bom
from evidence_api.formats.cyclonedx_xml import XML_VERSIONS, read_bom_xml
from tests.support.outcomes import outcome

SERIAL = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
DIGEST = "ab" * 32

WHOLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- what a generator writes above -->
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" serialNumber="{SERIAL}" version="1">
  <metadata>
    <timestamp>2026-01-31T12:00:00Z</timestamp>
    <tools><components><component type="application"><name>maker</name></component></components></tools>
    <component type="application" bom-ref="product"><name>product</name><version>2</version>
      <components><component type="library" bom-ref="part-of-product"><name>inside</name></component></components>
    </component>
  </metadata>
  <components>
    <component type="library" bom-ref="a">
      <supplier><name>Acme</name></supplier>
      <group>org.acme</group> <name> a </name> <version>1.0</version> <scope>required</scope>
      <hashes><hash alg="SHA-256">{DIGEST.upper()}</hash><hash alg="MD5">{"cd" * 16}</hash></hashes>
      <licenses><license><id>MIT</id></license><license><name>Our own</name></license></licenses>
      <purl>pkg:maven/org.acme/a@1.0</purl>
      <components><component type="library" bom-ref="b"><name>b</name></component></components>
    </component>
    <component type="library" bom-ref="c">
      <publisher>Someone</publisher><name>c</name>
      <licenses><expression>MIT OR Apache-2.0</expression></licenses>
    </component>
  </components>
  <dependencies>
    <dependency ref="product"><dependency ref="c"/><dependency ref="a"/></dependency>
    <dependency ref="a"><dependency ref="b"/></dependency>
    <dependency ref="c"/>
  </dependencies>
  <vulnerabilities>
    <vulnerability bom-ref="v1"><id>CVE-2026-1</id>
      <ratings>
        <rating><source><name>one</name></source><score>5.0</score><severity>medium</severity></rating>
        <rating><source><name>two</name></source><score>9.8</score><method>CVSSv31</method></rating>
      </ratings>
      <analysis><state>not_affected</state></analysis>
      <affects><target><ref>c</ref></target><target><ref>a</ref></target></affects>
    </vulnerability>
    <vulnerability bom-ref="v2"><id>CVE-2026-2</id></vulnerability>
  </vulnerabilities>
</bom>"""

SAME: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": SERIAL,
    "version": 1,
    "metadata": {
        "timestamp": "2026-01-31T12:00:00Z",
        "tools": {"components": [{"type": "application", "name": "maker"}]},
        "component": {
            "type": "application",
            "bom-ref": "product",
            "name": "product",
            "version": "2",
            "components": [{"type": "library", "bom-ref": "part-of-product", "name": "inside"}],
        },
    },
    "components": [
        {
            "type": "library",
            "bom-ref": "a",
            "supplier": {"name": "Acme"},
            "group": "org.acme",
            "name": "a",
            "version": "1.0",
            "scope": "required",
            "hashes": [{"alg": "SHA-256", "content": DIGEST.upper()}, {"alg": "MD5", "content": "cd" * 16}],
            "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Our own"}}],
            "purl": "pkg:maven/org.acme/a@1.0",
            "components": [{"type": "library", "bom-ref": "b", "name": "b"}],
        },
        {
            "type": "library",
            "bom-ref": "c",
            "publisher": "Someone",
            "name": "c",
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        },
    ],
    "dependencies": [
        {"ref": "product", "dependsOn": ["c", "a"]},
        {"ref": "a", "dependsOn": ["b"]},
        {"ref": "c"},
    ],
    "vulnerabilities": [
        {
            "bom-ref": "v1",
            "id": "CVE-2026-1",
            "ratings": [
                {"source": {"name": "one"}, "score": 5.0, "severity": "medium"},
                {"source": {"name": "two"}, "score": 9.8, "method": "CVSSv31"},
            ],
            "analysis": {"state": "not_affected"},
            "affects": [{"ref": "c"}, {"ref": "a"}],
        },
        {"bom-ref": "v2", "id": "CVE-2026-2"},
    ],
}


def bom(inside: str = "", version: str = "1.6") -> bytes:
    return f'<bom xmlns="http://cyclonedx.org/schema/bom/{version}" version="1">\n{inside}</bom>'.encode()


def test_both_spellings_of_a_bom_say_the_same() -> None:
    read = read_bom_xml(WHOLE.encode())
    assert read == read_bom(SAME)
    assert [one.name for one in read.components] == ["org.acme/a", "c", "b", "inside"]
    assert read.top_level == 2
    assert read.components[0].hashes == ("md5:" + "cd" * 16, "sha256:" + DIGEST)
    assert read.components[0].licence == "MIT AND Our own"
    assert (read.components[0].supplier, read.components[1].supplier) == ("Acme", "Someone")
    assert read.subject is not None
    assert (read.subject.ref, read.tools) == ("product", ("maker",))
    assert read.edges == (("a", "b"), ("product", "a"), ("product", "c"))
    assert read.dependencies == 3
    assert read.vulnerabilities is not None
    first = read.vulnerabilities[0]
    assert (first.severity, first.source, first.state, first.affects) == ("critical", "two", "not_affected", ("a", "c"))
    assert not first.counts
    assert read.timestamp == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("version", XML_VERSIONS)
def test_the_least_document_of_each_version_is_valid(version: str) -> None:
    read = read_bom_xml(bom("<components/>", version))
    assert (read.spec_version, read.top_level, read.vulnerabilities) == (version, 0, None)
    assert set(SPEC_VERSIONS) < set(XML_VERSIONS)


def test_lists_that_are_not_there_stay_unknown_and_empty_ones_are_empty() -> None:
    read = read_bom_xml(bom())
    assert {read.top_level, read.edges, read.dependencies, read.vulnerabilities, read.subject} == {None}
    read = read_bom_xml(bom("<components/><dependencies/><vulnerabilities/>"))
    assert (read.top_level, read.edges, read.dependencies, read.vulnerabilities) == (0, (), 0, ())


def test_parts_of_the_same_name_elsewhere_are_not_components() -> None:
    formula = "<formulation><formula><components><component type='library'><name>x</name></component></components>"
    read = read_bom_xml(bom(f"{formula}</formula></formulation>"))
    assert (read.components, read.top_level) == ((), None)


def test_a_time_without_a_zone_is_unknown() -> None:
    metadata = "<metadata><timestamp>2026-01-31T12:00:00</timestamp></metadata>"
    assert read_bom_xml(bom(metadata)).timestamp is None


def test_a_detailed_expression_is_a_licence() -> None:
    licence = '<licenses><expression-detailed expression="MIT OR ISC"/></licenses>'
    component = f'<components><component type="library"><name>a</name>{licence}</component></components>'
    assert read_bom_xml(bom(component, "1.7")).components[0].licence == "MIT OR ISC"


@pytest.mark.parametrize(
    ("inside", "line"),
    [
        ("<components>\n<component type='foo'><name>a</name></component></components>", 3),
        ("<components>\n\n<component type='library'/></components>", 4),
        ("\n\n<surprise/>", 4),
        ("<metadata><timestamp>yesterday</timestamp></metadata>", 2),
        ("<dependencies>\n<dependency/></dependencies>", 3),
    ],
)
def test_what_is_wrong_is_told_with_its_line(inside: str, line: int) -> None:
    with pytest.raises(Malformed, match=f"line {line}") as caught:
        read_bom_xml(bom(inside))
    assert caught.value.fields["line"] == line


@pytest.mark.parametrize(
    "body",
    [
        b"<bom/>",
        bom(version="1.8"),
        bom(version="1.6/"),
        b'<sbom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"/>',
        b"<!DOCTYPE bom>" + bom(),
        b"",
    ],
)
def test_other_documents_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_bom_xml(body)


def test_components_may_nest_as_deep_as_xml_may() -> None:
    depth = 100
    opened = '<component type="library"><name>a</name><components>' * depth
    inside = f"<components>{opened}{'</components></component>' * depth}</components>"
    assert len(read_bom_xml(bom(inside)).components) == depth
    with pytest.raises(TooLarge):
        read_bom_xml(bom(inside.replace(opened, opened * 2)))


PIECES = st.sampled_from(
    [
        *(
            "<components>",
            "</components>",
            '<component type="library">',
            "</component>",
            "<name>a</name>",
            "<metadata>",
        ),
        *("</metadata>", "<dependencies>", '<dependency ref="a">', "</dependency>", "</dependencies>", "<hashes>"),
        *('<hash alg="MD5">x</hash>', "</hashes>", "<vulnerabilities>", "<vulnerability>", "<ratings><rating>"),
        *("</rating></ratings>", "</vulnerability>", "</vulnerabilities>", "<score>x</score>", "<licenses><license/>"),
        *("</licenses>", "<timestamp>now</timestamp>", "<tools/>", "text", "&amp;", "<!-- -->"),
    ]
)


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_any_pieces_are_read_or_refused_with_a_code(inside: str) -> None:
    assert outcome(lambda: read_bom_xml(bom(inside))) in {"ok", "malformed", "too_large"}
