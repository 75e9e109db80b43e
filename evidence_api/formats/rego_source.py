"""Rego source before and after the engine's parser: bounds it must not be given past, and what its errors say.

The parser recurses without a limit (10,000 nested brackets end the process) and takes twice as long for
each level of `[` or `{`, so depth and size are checked here, on text alone.
"""

import re
from collections.abc import Iterator, Mapping

from evidence_api.domain.errors import SourceFault

MAX_NESTING = 16
MAX_MODULE_BYTES = 2**20
MAX_BUNDLE_BYTES = 16 * 2**20
MAX_MODULES = 1000

# What can hold a bracket that is none (strings, raw strings, comments), or a bracket.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|`[^`]*`?|#[^\n]*|[(\[{]|[)\]}]')
_PLACE = re.compile(r"--> ?(.*):(\d+):(\d+)")
_BACKTRACE = re.compile(r"\n\s*(?:Stack backtrace:|stack backtrace:|Caused by:\s*\n?\s*0:.*?_start).*", re.DOTALL)
_DATA_REFERENCE = re.compile(r'data(?:\.[A-Za-z_]\w*|\["[^"\\\n]*"\])*', re.ASCII)


def bound_faults(modules: Mapping[str, str]) -> Iterator[SourceFault]:
    """Each module, or the bundle, that is over a bound; codes "too_large", "nesting", "empty"."""
    if not modules:
        yield SourceFault("policy", 1, 1, "empty", "the bundle has no module")
    if len(modules) > MAX_MODULES:
        yield SourceFault("policy", 1, 1, "too_large", f"{len(modules)} modules (limit {MAX_MODULES})")
    total = 0
    for file, text in modules.items():
        size = len(text.encode("utf-8", "surrogatepass"))
        total += size
        if size > MAX_MODULE_BYTES:
            yield SourceFault(file, 1, 1, "too_large", f"{size} bytes (limit {MAX_MODULE_BYTES} a module)")
        elif fault := nesting_fault(file, text):
            yield fault
    if total > MAX_BUNDLE_BYTES:
        yield SourceFault("policy", 1, 1, "too_large", f"{total} bytes in all (limit {MAX_BUNDLE_BYTES} a bundle)")


def nesting_fault(file: str, text: str) -> SourceFault | None:
    """The first bracket that opens level 17. Strings, raw strings and comments do not count."""
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token.group()[0]
        if mark in "([{":
            depth += 1
            if depth > MAX_NESTING:
                return _at(file, text, token.start(), "nesting", f"brackets nested over {MAX_NESTING} levels")
        elif mark in ")]}":
            depth = max(0, depth - 1)
    return None


def is_data_reference(query: str) -> bool:
    """True for a plain path such as data.evidence.catalog["IG-1"], which can call nothing by itself."""
    return _DATA_REFERENCE.fullmatch(query) is not None


def without_backtrace(message: str) -> str:
    """An engine error as people are shown it: no backtrace, no blank lines around."""
    return _BACKTRACE.sub("", message).strip()


def engine_fault(message: str, file: str, code: str = "syntax") -> SourceFault:
    """An engine error (`--> file:line:column`, source lines, `error: …`) as a fault; `file` when it names none."""
    text = without_backtrace(message)
    sentence = text.rpartition("error: ")[2].strip() if "error: " in text else text
    place = _PLACE.search(text)
    if place is None:
        return SourceFault(file, 1, 1, code, sentence)
    return SourceFault(place[1] or file, int(place[2]), int(place[3]), code, sentence)


def _at(file: str, text: str, offset: int, code: str, message: str) -> SourceFault:
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return SourceFault(file, line, column, code, message)
