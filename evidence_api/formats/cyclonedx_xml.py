"""CycloneDX XML 1.0 to 1.7: validated strictly while it is read, then the reading both spellings share.

The schemas (XSD) are those cyclonedx-python-lib ships as package data; nothing is fetched. They also hold that every
`bom-ref` is given once. A large BOM is never in memory as a whole: its components, dependencies and vulnerabilities
are read as they end, each put into the shape it has in JSON.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any

from lxml import etree

from evidence_api.domain.errors import Malformed
from evidence_api.domain.sbom import Sbom
from evidence_api.formats.cyclonedx_reading import BomReading, Part, read_timestamp
from evidence_api.formats.xml_source import stream_xml, xml_root, xml_source

XML_VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
_NAMESPACE = "http://cyclonedx.org/schema/bom/"
_LISTS = ("components", "dependencies", "vulnerabilities")
_PARTS = ("component", "dependency", "vulnerability", "timestamp", "tools")
_SHOWN = 120


def read_bom_xml(body: bytes) -> Sbom:
    """Validate and read. Raises Malformed with `line`, TooLarge over a bound of formats/xml_source.py."""
    source = xml_source(body, what="BOM")
    tag, attributes = xml_root(source)
    version = _version(tag)
    names = {f"{{{_NAMESPACE}{version}}}{name}" for name in (*_LISTS, *_PARTS)}
    reading, metadata = BomReading(), dict[str, Any]()
    for element in stream_xml(source, names, _schema(version)):
        parent = element.getparent()
        _add(reading, metadata, "" if parent is None else _name(parent), element)
    return reading.finish(version, attributes.get("serialNumber", ""), _moment(metadata), metadata)


def _version(tag: str) -> str:
    """The version by the root's namespace. Raises Malformed for another root."""
    namespace, _, name = tag.removeprefix("{").rpartition("}")
    version = namespace.removeprefix(_NAMESPACE)
    if name != "bom" or version not in XML_VERSIONS:
        known = ", ".join(XML_VERSIONS)
        raise Malformed(
            f"the root is not a CycloneDX bom ({known}): {tag[:_SHOWN]!r}", path="/", value=tag[:_SHOWN], line=1
        )
    return version


def _schema(version: str) -> etree.XMLSchema:
    """One version's schema, compiled anew (some 10 ms): a schema remembers the faults of what it checked."""
    with as_file(files("cyclonedx.schema") / "_res") as folder:
        return etree.XMLSchema(etree.parse(folder / f"bom-{version}.SNAPSHOT.xsd"))


def _add(reading: BomReading, metadata: dict[str, Any], inside: str, element: etree._Element) -> None:
    """Take one part where it belongs; a list that has ended was there, even if nothing was in it."""
    match inside, _name(element):
        case "components", "component":
            reading.add_components((_component(element),))
        case "dependencies", "dependency":
            others = [child.get("ref", "") for child in element if _name(child) == "dependency"]
            reading.add_dependencies(({"ref": element.get("ref", ""), "dependsOn": others},))
        case "vulnerabilities", "vulnerability":
            reading.add_vulnerabilities((_vulnerability(element),))
        case "bom", "components":
            reading.add_components(())
        case "bom", "dependencies":
            reading.add_dependencies(())
        case "bom", "vulnerabilities":
            reading.add_vulnerabilities(())
        case "metadata", "timestamp":
            metadata["timestamp"] = _text(element)
        case "metadata", "tools":
            metadata["tools"] = _tools(element)
        case "metadata", "component":
            metadata["component"] = _component(element)
        case _:
            pass  # the same name elsewhere: the components of a formula, the tools of an analysis


def _component(element: etree._Element) -> dict[str, Any]:
    """A component as in JSON: the members `BomReading` looks at."""
    component: dict[str, Any] = {"bom-ref": element.get("bom-ref", "")}
    for child in element:
        match name := _name(child):
            case "name" | "version" | "group" | "purl" | "scope" | "publisher":
                component[name] = _text(child)
            case "supplier" | "manufacturer":
                component[name] = _named(child)
            case "hashes":
                component[name] = [{"alg": one.get("alg", ""), "content": _text(one)} for one in child]
            case "licenses":
                component[name] = [_licence(one) for one in child]
            case "components":
                component[name] = [_component(one) for one in child if _name(one) == "component"]
            case _:
                pass
    return component


def _licence(element: etree._Element) -> Part:
    """`license` (id or name) or `expression`; since 1.7 `expression-detailed` carries it in an attribute."""
    acknowledgement = element.get("acknowledgement", "")
    match _name(element):
        case "license":
            stated = {_name(one): _text(one) for one in element if _name(one) in {"id", "name"}}
            return {"license": stated, "acknowledgement": acknowledgement}
        case "expression":
            return {"expression": _text(element), "acknowledgement": acknowledgement}
        case _:
            return {"expression": element.get("expression", ""), "acknowledgement": acknowledgement}


def _tools(element: etree._Element) -> list[Part]:
    """Up to 1.4 `tool`s; since 1.5 also `components` and `services`."""
    return [_named(one) for one in element.iter() if _name(one) in {"tool", "component", "service"}]


def _vulnerability(element: etree._Element) -> Part:
    vulnerability: dict[str, Any] = {}
    for child in element:
        match _name(child):
            case "id":
                vulnerability["id"] = _text(child)
            case "ratings":
                vulnerability["ratings"] = [_rating(one) for one in child if _name(one) == "rating"]
            case "analysis":
                vulnerability["analysis"] = {_name(one): _text(one) for one in child if _name(one) == "state"}
            case "affects":
                vulnerability["affects"] = [{"ref": text} for text in _affected(child)]
            case _:
                pass
    return vulnerability


def _affected(element: etree._Element) -> Iterator[str]:
    """The refs of `affects`: they are elements of each `target`."""
    return (_text(ref) for target in element for ref in target if _name(ref) == "ref")


def _rating(element: etree._Element) -> Part:
    rating: dict[str, Any] = {}
    for child in element:
        match name := _name(child):
            case "severity" | "method":
                rating[name] = _text(child)
            case "source":
                rating[name] = _named(child)
            case "score":
                rating |= _score(_text(child))
            case _:
                pass
    return rating


def _score(text: str) -> Mapping[str, float]:
    try:
        return {"score": float(text)}
    except ValueError:  # the schema will refuse it, if it has not yet
        return {}


def _named(element: etree._Element) -> Mapping[str, str]:
    """{name} of an element that says it in a child; nothing if it does not."""
    name = next((_text(one) for one in element if _name(one) == "name"), "")
    return {"name": name} if name else {}


def _name(element: etree._Element) -> str:
    """The local name: the schema has seen to the namespace."""
    return _local(str(element.tag))


@lru_cache(maxsize=512)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()


def _moment(metadata: Part) -> datetime | None:
    """XML's dateTime may have no time zone; then it is no moment, and unknown."""
    try:
        return read_timestamp(metadata.get("timestamp"))
    except Malformed:
        return None
