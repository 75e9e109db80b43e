"""Reading, first step for XML: the one way in. Bytes to elements that mean one thing, or a coded refusal.

A document type declaration is what XML's attacks are made of (entities that grow, entities that read files or
networks), and no report or SBOM needs one: it is refused before the parser sees it, and the parser is told to load and
expand nothing, so either lock alone would hold. Depth, names and texts are bounded by libxml2's own limits, which
stay on. Sources: XML 1.0 (fifth edition), sections 2.8 and 4; libxml2, `parserInternals.h`, for its limits.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lxml import etree

from evidence_api.domain.errors import Malformed, Refused, TooLarge

MAX_SIZE = 64 * 1024 * 1024  # bytes
MAX_NODES = 3_000_000  # elements and attributes; each takes some 200 bytes once parsed
MAX_DEPTH = 256  # levels, libxml2's own
MAX_TEXT = 10_000_000  # bytes of one text or attribute, libxml2's own

_CHUNK = 65_536  # bytes fed at a time
_SMALL = 4 * MAX_NODES  # bytes that cannot hold so many nodes: the shortest one takes four
_SHOWN = 300

# What may stand before the root element (XML 1.0, production 22) apart from the declaration of a document type.
_PROLOG = re.compile(rb"(?:\s++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_DECLARED = re.compile(rb"<\?xml\s[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']|<\?xml\s[^>]*?\sencoding()")
_ATTRIBUTE = re.compile(rb"=\s*[\"']")
# Encodings that spell markup as ASCII does, so that what is looked for above is what the parser finds.
_ENCODING = re.compile(r"utf-?8|(us-)?ascii|iso-?8859-1?\d|latin-?[1-9]|(windows-|cp)125\d", re.IGNORECASE)

_ADVICE = re.compile(r", (?:line|try|use) ")  # where it is, and which option of libxml2 to change
_NAMESPACE = re.compile(r"\{http[^}]*\}")

Parser = TypeVar("Parser", etree.XMLParser, etree.XMLPullParser)


@dataclass(frozen=True, slots=True)
class XmlSource:
    """What the parser may be given: bytes in `encoding`, without a document type declaration, within bounds."""

    body: bytes
    encoding: str
    what: str


def xml_source(body: bytes, *, what: str = "document") -> XmlSource:
    """Check what must hold before parsing. Raises Malformed, TooLarge."""
    if len(body) > MAX_SIZE:
        raise TooLarge(f"{what} is too large", limit=MAX_SIZE, value=len(body))
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        source = XmlSource(_from_utf_16(body, what), "utf-8", what)
    else:
        body = body.removeprefix(b"\xef\xbb\xbf")
        source = XmlSource(body, _encoding(body, what), what)
    _check_prolog(source)
    _check_nodes(source)
    return source


def parse_xml(body: bytes, *, what: str = "document") -> etree._Element:
    """The root element, without comments and processing instructions; elements know their `sourceline`.

    Raises Malformed (with `line` and `column`) or TooLarge.
    """
    source = xml_source(body, what=what)
    try:
        return etree.fromstring(source.body, _parser(etree.XMLParser, source))
    except etree.XMLSyntaxError as fault:
        raise _refusal(fault, what) from fault


def xml_root(source: XmlSource) -> tuple[str, Mapping[str, str]]:
    """The root element's "{namespace}name" and attributes, read no further than to there. Raises as parse_xml."""
    parser = _parser(etree.XMLPullParser, source, events=("start",))
    try:
        for start in range(0, len(source.body), _CHUNK):
            parser.feed(source.body[start : start + _CHUNK])
            for _, element in parser.read_events():
                return str(element.tag), dict(element.items())
        parser.close()
    except etree.XMLSyntaxError as fault:
        raise _refusal(fault, source.what) from fault
    raise Malformed(f"{source.what} has no root element", path="/")


def stream_xml(source: XmlSource, names: Collection[str], schema: etree.XMLSchema) -> Iterator[etree._Element]:
    """Validate while reading, and give the children and grandchildren of the root that have one of these
    "{namespace}name"s, each as it ends. What was given is let go at the next one, so that memory does not grow with
    the document; of a child, its attributes and what is not among the names are left when it ends.

    Only once the iterator has ended is the document known to be valid; on the way it raises Malformed (with `line`,
    that of the 64 KiB the fault was found in where libxml2 says no more) or TooLarge. `schema` must be fresh:
    it remembers the faults of every document it saw.
    """
    parser = _parser(etree.XMLPullParser, source, events=("end",), tag=tuple(names), schema=schema)
    line = 1
    try:
        for start in range(0, len(source.body), _CHUNK):
            chunk = source.body[start : start + _CHUNK]
            parser.feed(chunk)
            if len(parser.feed_error_log):
                break
            yield from _finished(parser)
            line += chunk.count(b"\n")
        parser.close()
    except etree.XMLSyntaxError as fault:
        near = line if len(source.body) > _SMALL else _fault_line(source, schema)
        raise _refusal(fault, source.what, near) from fault


def _finished(parser: etree.XMLPullParser) -> Iterator[etree._Element]:
    """The children and grandchildren of the root that have ended; after use each is emptied, its elders dropped."""
    for _, element in parser.read_events():
        parent = element.getparent()
        if parent is None:
            continue
        grandparent = parent.getparent()
        if grandparent is not None and grandparent.getparent() is not None:
            continue
        yield element
        element.clear(keep_tail=True)
        while element.getprevious() is not None:
            del parent[0]


def _parser(kind: type[Parser], source: XmlSource, **options: Any) -> Parser:  # noqa: ANN401  lxml's options
    """A parser that resolves, loads and fetches nothing, with libxml2's limits on."""
    parser: Parser = kind(
        encoding=source.encoding,
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
        **options,
    )
    return parser


def _from_utf_16(body: bytes, what: str) -> bytes:
    try:
        return body.decode("utf-16").encode()
    except UnicodeError as fault:
        raise Malformed(f"{what} is not UTF-16 as its first bytes say", path="/") from fault


def _encoding(body: bytes, what: str) -> str:
    """The encoding declared (XML 1.0, section 4.3.3), UTF-8 if none. Raises Malformed for one that hides markup."""
    declared = _DECLARED.match(body)
    if declared is None:
        return "utf-8"
    name = (declared[1] or b"").decode("ascii")
    if not _ENCODING.fullmatch(name):
        raise Malformed(f"{what} is in an encoding that is not taken: {name!r}", path="/", value=name)
    return name


def _check_prolog(source: XmlSource) -> None:
    """Refuse a document type declaration (XML 1.0, section 2.8): the only thing beginning `<!` that may come next."""
    prolog = _PROLOG.match(source.body)
    end = prolog.end() if prolog else 0
    if source.body.startswith(b"<!", end):
        line = source.body.count(b"\n", 0, end) + 1
        raise Malformed(f"{source.what} declares a document type (DOCTYPE), which is not taken", path="/", line=line)


def _check_nodes(source: XmlSource) -> None:
    """Refuse what would grow far beyond its own size once parsed; comments and CDATA count as if they were markup."""
    if len(source.body) <= _SMALL:
        return
    elements = source.body.count(b"<") - source.body.count(b"</")
    nodes = elements + sum(1 for _ in _ATTRIBUTE.finditer(source.body))
    if nodes > MAX_NODES:
        raise TooLarge(f"{source.what} has too many elements and attributes", limit=MAX_NODES, value=nodes)


def _fault_line(source: XmlSource, schema: etree.XMLSchema) -> int:
    """Where a document that does not suit its schema first fails it: validating a stream does not tell lines."""
    try:
        schema.validate(etree.fromstring(source.body, _parser(etree.XMLParser, source)))
    except etree.XMLSyntaxError:  # not even XML further down; what the schema said first is being told
        return 1
    return next((entry.line for entry in schema.error_log), 1)


def _refusal(fault: etree.XMLSyntaxError, what: str, near: int = 1) -> Refused:
    """libxml2's complaint in our words; its limits are bounds like our own. `near` is the line to tell if it knows
    none, as while validating a stream."""
    reason = _ADVICE.split(str(fault.msg), maxsplit=1)[0].strip()
    if etree.ErrorTypes.SCHEMAV_NOROOT <= fault.code <= etree.ErrorTypes.SCHEMAV_MISC:
        line = fault.lineno or near
        told = _NAMESPACE.sub("", reason)[:_SHOWN]
        return Malformed(f"{what} is not valid: line {line}: {told}", path="/", line=line)
    line, column = fault.position
    if fault.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        limit = MAX_DEPTH if "depth" in reason else MAX_TEXT
        return TooLarge(
            f"{what}, line {line}: over a limit of XML: {reason[:_SHOWN]}", limit=limit, line=line, path="/"
        )
    return Malformed(f"{what} is not XML: line {line}: {reason[:_SHOWN]}", path="/", line=line, column=column)
