"""Rego source before and after the engine's parser: bounds it must not be given past, and what its errors say.

The parser recurses without a limit (10,000 nested brackets end the process) and takes twice as long for
each level of `[` or `{`, so depth and size are checked here, on text alone.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evidence_api.domain.errors import SourceFault

MAX_NESTING = 16
MAX_MODULE_BYTES = 2**20
MAX_BUNDLE_BYTES = 16 * 2**20
MAX_MODULES = 1000
_TAB = 4

# What can hold a bracket that is none (strings, raw strings, comments), or a bracket.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|`[^`]*`?|#[^\n]*|[(\[{]|[)\]}]')
_PLACE = re.compile(r"--> ?(.*):(\d+):(\d+)")
_BACKTRACE = re.compile(r"\n\s*(?:Stack backtrace:|stack backtrace:|Caused by:\s*\n?\s*0:.*?_start).*", re.DOTALL)
_PACKAGE = re.compile(r"^package[ \t]+([\w.]+)", re.MULTILINE)
_TEST_RULE = re.compile(r"^test_\w+", re.MULTILINE)
_DATA_REFERENCE = re.compile(r'data(?:\.[A-Za-z_]\w*|\["[^"\\\n]*"\])*', re.ASCII)


@dataclass(frozen=True, slots=True)
class TestRule:
    """A rule that is a test: `path` is its full path (data.….test_name); it passes when its value is true."""

    __test__ = False  # the name is the field's; pytest shall not collect it

    file: str
    line: int
    path: str

    @property
    def name(self) -> str:
        """The rule's own name."""
        return self.path.rpartition(".")[2]


def test_rules(file: str, text: str) -> tuple[TestRule, ...]:
    """Every rule of a module whose name begins with `test_`, once, in the order of the source."""
    bare = _TOKEN.sub(_blank, text)
    package = _PACKAGE.search(bare)
    if package is None:
        return ()
    found: dict[str, TestRule] = {}
    for match in _TEST_RULE.finditer(bare):
        line = bare.count("\n", 0, match.start()) + 1
        found.setdefault(match.group(), TestRule(file, line, f"data.{package[1]}.{match.group()}"))
    return tuple(found.values())


def _blank(token: re.Match[str]) -> str:
    """Brackets stay; strings and comments become as many lines of nothing."""
    text = token.group()
    return text if text in "()[]{}" else "\n" * text.count("\n")


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


def engine_fault(message: str, modules: Mapping[str, str], code: str = "syntax") -> SourceFault:
    """An engine error (`--> file:line:column`, source lines, `error: …`) as a fault of one of the modules;
    of the first one's beginning when it names no place."""
    text = without_backtrace(message)
    sentence = text.rpartition("error: ")[2].strip() if "error: " in text else text
    place = _PLACE.search(text)
    if place is None:
        return SourceFault(next(iter(modules), "policy"), 1, 1, code, sentence)
    file, line = place[1], int(place[2])
    return SourceFault(file, line, _column(modules.get(file, ""), line, int(place[3])), code, sentence)


def _column(text: str, line: int, shown: int) -> int:
    """The column of a place the engine shows, which counts a tab as four."""
    lines = text.split("\n")
    if not 0 < line <= len(lines):
        return shown
    width = 0
    for column, letter in enumerate(lines[line - 1], 1):
        width += _TAB if letter == "\t" else 1
        if width >= shown:
            return column
    return shown - width + len(lines[line - 1])


def _at(file: str, text: str, offset: int, code: str, message: str) -> SourceFault:
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return SourceFault(file, line, column, code, message)
