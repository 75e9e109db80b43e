from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from evidence_api.domain.errors import EvidenceError, Malformed, TooLarge
from evidence_api.formats import xml_source as xml
from tests.support.outcomes import outcome

NAMESPACE = "http://cyclonedx.org/schema/bom/1.6"
COMPONENT = f"{{{NAMESPACE}}}component"
BOM = f'<bom xmlns="{NAMESPACE}" version="1">\n<components>\n%s</components>\n</bom>'
PART = '<component type="library" bom-ref="%s"><name>a</name></component>\n'


def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(files("cyclonedx.schema") / "_res" / "bom-1.6.SNAPSHOT.xsd")))


def names(document: str) -> list[str | None]:
    source = xml.xml_source(document.encode())
    return [one.findtext(f"{{{NAMESPACE}}}name") for one in xml.stream_xml(source, {COMPONENT}, schema())]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<a>x</a>", "x"),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<a>x</a>", "x"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>".encode("latin-1"), "\xe4"),
        ('<?xml version="1.0" encoding="UTF-16"?><a>\xe4</a>'.encode("utf-16"), "\xe4"),
        (b"<!-- a --> <?b c?>\n<a>x<!-- inside -->y<?pi z?>z</a>", "xyz"),
        (b"<a><![CDATA[<!DOCTYPE a>]]></a>", "<!DOCTYPE a>"),
        (b"<a>&lt;&#65;</a>", "<A"),
    ],
)
def test_ordinary_documents_are_read(body: bytes, text: str) -> None:
    assert xml.parse_xml(body).text == text


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE a><a/>",
        b"<?xml version='1.0'?>\n<!-- <a> --><?x ?>\n<!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>",
        b"\xef\xbb\xbf<!DOCTYPE a SYSTEM 'file:///etc/hostname'><a/>",
        "<!DOCTYPE a><a/>".encode("utf-16"),
        b"<!doctype a><a/>",
    ],
)
def test_a_document_type_is_refused_wherever_it_stands(body: bytes) -> None:
    with pytest.raises(Malformed, match="DOCTYPE") as caught:
        xml.parse_xml(body)
    assert caught.value.fields["line"] in {1, 3}
    with pytest.raises(Malformed, match="DOCTYPE"):
        xml.xml_source(body)


def test_the_parser_alone_expands_and_loads_nothing_either() -> None:
    body = b"<!DOCTYPE a [<!ENTITY b 'ccc'><!ENTITY f SYSTEM 'file:///etc/hostname'>]><a>&b;&f;</a>"
    source = xml.XmlSource(body, "utf-8", "document")  # past the first lock
    assert "ccc" not in "".join(etree.fromstring(source.body, xml._parser(etree.XMLParser, source)).itertext())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"text",
        b"<a><b></a>",
        b"<a>&unknown;</a>",
        b"<a>\x00</a>",
        b"<a/><b/>",
        b"<a b='1' b='2'/>",
        b"<x:a/>",
        b"<?xml version='1.0' encoding='UTF-7'?><a/>",
        b"<?xml version='1.0' encoding=''?><a/>",
        b"<?xml version='1.0' encoding='utf-8'?><a>\xe4</a>",
        b"\xff\xfe<\x00a",
        b"\xff\xfe\x00\xd8\x00\xd8",
        "<a/>".encode("utf-32"),
    ],
)
def test_what_is_not_xml_is_refused_with_a_code(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        xml.parse_xml(body)
    assert caught.value.fields["path"] == "/"


def test_a_refusal_tells_the_line() -> None:
    with pytest.raises(Malformed) as caught:
        xml.parse_xml(b"<a>\n\n<b>\n</a>")
    assert caught.value.fields["line"] == 4


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b"<a>" * 300 + b"</a>" * 300, xml.MAX_DEPTH),
        (b"<a>" + b"x" * 10_100_000 + b"</a>", xml.MAX_TEXT),
        (b"<a b='" + b"x" * 10_100_000 + b"'/>", xml.MAX_TEXT),
        (b"<a>" + b"<b/>" * (xml.MAX_NODES + 1) + b"</a>", xml.MAX_NODES),
        (b"<a" + b" b=''" * (xml.MAX_NODES + 1) + b"/>", xml.MAX_NODES),
        (b" " * (xml.MAX_SIZE + 1), xml.MAX_SIZE),
    ],
    ids=["depth", "text", "attribute", "elements", "attributes", "size"],
)
def test_bounds_are_told(body: bytes, limit: int) -> None:
    with pytest.raises(TooLarge) as caught:
        xml.parse_xml(body)
    assert caught.value.fields["limit"] == limit


def test_a_stream_gives_each_part_once_and_forgets_it() -> None:
    parts = "".join(PART % f"ref-{number}" for number in range(3_000))
    source = xml.xml_source((BOM % parts).encode())
    seen = [(one.get("bom-ref"), one.getprevious()) for one in xml.stream_xml(source, {COMPONENT}, schema())]
    assert [ref for ref, _ in seen] == [f"ref-{number}" for number in range(3_000)]
    assert sum(before is not None for _, before in seen) == len(seen) - 1  # the one just read, emptied, and no more


def test_the_root_is_known_before_the_rest_is_read() -> None:
    source = xml.xml_source(b"<?xml version='1.0'?>\n<a b='c' xmlns='urn:x'><unfinished>")
    assert xml.xml_root(source) == ("{urn:x}a", {"b": "c"})


def test_parts_inside_parts_stay_inside() -> None:
    inner = "<components>" + PART % "inner" + "</components></component>"
    assert names(BOM % (PART % "outer").replace("</component>", inner)) == ["a"]


@pytest.mark.parametrize(
    ("parts", "line", "reason"),
    [
        (PART % "a" + '<component type="foo"><name>a</name></component>', 4, "type"),
        (PART % "a" + "\n" + PART % "a", 5, "Duplicate"),
        (PART % "a" + "<surprise/>", 4, "surprise"),
    ],
)
def test_what_breaks_the_schema_is_told_with_its_line(parts: str, line: int, reason: str) -> None:
    with pytest.raises(Malformed, match=reason) as caught:
        names(BOM % parts)
    assert caught.value.fields["line"] == line
    assert NAMESPACE not in caught.value.message
    assert names(BOM % PART % "a") == ["a"]  # what one document did wrong is not held against the next


def test_a_schema_named_by_the_document_is_not_fetched() -> None:
    at = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:other file:///nowhere.xsd"'
    other = '<o:thing xmlns:o="urn:other">1</o:thing>'
    document = (BOM % PART % "a").replace("</bom>", f"{other}</bom>").replace("<bom ", f"<bom {at} ")
    assert names(document) == ["a"]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=80) | st.text('<>/?!-="ab &;[]', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_code(body: bytes) -> None:
    assert outcome(lambda: xml.parse_xml(body)) in {"ok", "malformed", "too_large"}
    try:
        source = xml.xml_source(body)
        tag, _ = xml.xml_root(source)
    except EvidenceError:
        return
    assert isinstance(tag, str)
    assert outcome(lambda: list(xml.stream_xml(source, {COMPONENT}, schema()))) == "malformed"
