"""Checks facts against the table of kinds."""

from collections.abc import Mapping

from evidence_api.domain.evidence import Fact
from evidence_api.domain.kinds import KINDS, FactType
from evidence_api.domain.rfc3339 import format_rfc3339, parse_rfc3339


def assert_facts_fit(kind: str, facts: Mapping[str, Fact]) -> None:
    """Every path is declared for the kind, of its type, and from its vocabulary."""
    declared = KINDS[kind]
    for path, fact in facts.items():
        assert path in declared.facts, f"{kind} does not declare {path}"
        assert _fits(declared.facts[path], fact), f"{kind}.{path} is {fact!r}, not a {declared.facts[path].value}"
        allowed = (declared.words or {}).get(path)
        assert allowed is None or fact in allowed, f"{kind}.{path} is {fact!r}, not one of {allowed}"


def _fits(kind: FactType, fact: Fact) -> bool:
    match kind:
        case FactType.BOOLEAN:
            return isinstance(fact, bool)
        case FactType.NUMBER | FactType.DURATION:
            return isinstance(fact, int | float) and not isinstance(fact, bool)
        case FactType.WORD:
            return isinstance(fact, str) and fact != ""
        case FactType.TIME:
            return isinstance(fact, str) and format_rfc3339(parse_rfc3339(fact)) == fact
        case FactType.WORDS:
            return isinstance(fact, tuple) and all(isinstance(word, str) for word in fact)
