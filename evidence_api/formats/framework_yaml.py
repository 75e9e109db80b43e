"""A framework as the YAML a catalog keeps: what people can read and review, and what loads as exactly what it was.

The same framework gives the same bytes. A criterion without text takes one line; text stands below, a line a line.
"""

import json
import re
from collections.abc import Iterator, Mapping

from evidence_api.domain.control import Criterion, Framework
from evidence_api.domain.errors import InvalidSource, SourceFault, TooLarge
from evidence_api.formats import yaml_source
from evidence_api.formats.catalog_documents import read_framework
from evidence_api.formats.catalog_fields import MAX_ITEMS, Sink
from evidence_api.formats.catalog_reading import Reading
from evidence_api.formats.catalog_shapes import FRAMEWORK

# What needs no quotes, inside [ ] and { } too, and is a word to every reader of YAML.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9 ()/.;+_\u2013\u2014\u2019'-]*[A-Za-z0-9).])?\Z")
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_UNPRINTED = re.compile("[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_LINE = 120


def framework_yaml(framework: Framework, headings: Mapping[str, str], comment: str = "") -> str:
    """The document. `headings` are comments by the ref of the criterion they stand above; `comment` opens the file.

    Raises TooLarge (characters or criteria over what a catalog takes) and InvalidSource (an id or text it would not
    take), so that what is given back always loads.
    """
    if len(framework.criteria) > MAX_ITEMS:
        raise TooLarge("too many criteria", limit=MAX_ITEMS, value=len(framework.criteria), path="criteria")
    text = "\n".join(_document(framework, headings, comment)) + "\n"
    if len(text) > yaml_source.MAX_CHARACTERS:
        limit = yaml_source.MAX_CHARACTERS
        raise TooLarge(
            "the framework is too long for a file of a catalog", limit=limit, value=len(text), path="criteria"
        )
    if parse_framework(text) != framework:
        message = "the framework does not load as what it was"
        raise InvalidSource([SourceFault(f"{framework.id}.yaml", 1, 1, "unstable", message)])
    return text


def parse_framework(text: str, file: str = "framework.yaml") -> Framework:
    """One document with `framework` and `criteria`. Raises InvalidSource with every fault."""
    faults: list[SourceFault] = []
    nodes = yaml_source.documents(text, file, faults)
    if len(nodes) != 1:
        faults.append(SourceFault(file, 1, 1, "wrong_shape", f"{len(nodes)} documents; a framework is one"))
        raise InvalidSource(faults)
    reading = Reading(nodes[0], Sink(file, faults), FRAMEWORK)
    framework = read_framework(reading)
    reading.close()
    if faults:
        raise InvalidSource(faults)
    return framework


def _document(framework: Framework, headings: Mapping[str, str], comment: str) -> Iterator[str]:
    yield from (f"# {_UNPRINTED.sub(' ', line)}".rstrip() for line in comment.splitlines())
    yield f"framework: {_scalar(framework.id)}"
    yield f"title: {_scalar(framework.title)}"
    yield f"edition: {_scalar(framework.edition)}"
    yield f"licence: {framework.licence}"
    if framework.credit:
        yield f"credit: {_scalar(framework.credit)}"
    if framework.aliases:
        yield f"aliases: [{', '.join(map(_scalar, framework.aliases))}]"
    yield "criteria:"
    for criterion in framework.criteria:
        if heading := headings.get(criterion.ref, ""):
            yield f"  # {_UNPRINTED.sub(' ', heading)}"
        yield from _criterion(criterion)


def _criterion(criterion: Criterion) -> Iterator[str]:
    ref, title = _scalar(criterion.ref), _scalar(criterion.title)
    line = f"  - {{ref: {ref}, title: {title}}}"
    if not criterion.text and len(line) <= _LINE:
        yield line
        return
    yield f"  - ref: {ref}"
    yield f"    title: {title}"
    lines = criterion.text.split("\n")
    if not criterion.text:
        return
    if any(_UNPRINTED.search(one) or one != one.rstrip() for one in lines) or lines[0].startswith(" ") or not lines[-1]:
        yield f"    text: {_quoted(criterion.text)}"
        return
    yield "    text: |-"
    yield from (f"      {one}".rstrip() for one in lines)


def _scalar(text: str) -> str:
    """A scalar in flow or block style: plain where that is safe, quoted otherwise."""
    plain = _PLAIN.match(text) and "  " not in text and text.lower() not in _WORDS_OF_YAML
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    """In double quotes; JSON's escapes are YAML's."""
    return _UNPRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
