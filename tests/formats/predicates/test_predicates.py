from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, Refused, TooLarge
from evidence_api.domain.statement import Statement, Subject
from evidence_api.formats.predicates import MAX_PAYLOAD, MAX_WORD, READERS, normalise
from evidence_api.formats.statement import read_statement
from tests.support import statements
from tests.support.facts import assert_facts_fit

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SAMPLES: tuple[statements.Statement, ...] = (
    statements.provenance(),
    statements.provenance_v02(),
    statements.sbom(criticals=1),
    statements.test_result(failed=("a",)),
    statements.vulns(severities=("high",)),
    statements.github_checks(conclusions=("success", None)),
    statements.policy_decision(reasons=("because",)),
    statements.release(),
    statements.override(),
    statements.override(rule="write_paths.outside"),
    statements.action(),
    statements.plugin_review(),
    statements.incident(),
)


def of(predicate_type: str, predicate: dict[str, Any]) -> Statement:
    subject = Subject("", {"sha256": "ab" * 32})
    return Statement("v1", predicate_type, (subject,), MappingProxyType(predicate))


def test_an_unknown_type_is_a_statement_that_says_its_type() -> None:
    normalised = normalise(of("https://example.org/x", {"anything": [1]}), 1)
    assert normalised.kind == "statement"
    assert normalised.facts == {"predicate_type": "https://example.org/x"}


def test_bounds_say_limit_and_value() -> None:
    with pytest.raises(TooLarge) as caught:
        normalise(of("https://example.org/x", {}), MAX_PAYLOAD + 1)
    assert caught.value.fields == {"limit": MAX_PAYLOAD, "value": MAX_PAYLOAD + 1}
    document = statements.provenance(builder="https://" + "b" * MAX_WORD)
    with pytest.raises(TooLarge) as caught:
        normalise(read_statement(document), 1)
    assert caught.value.fields["path"] == "builder"


def test_a_nul_cannot_become_a_fact() -> None:
    with pytest.raises(Malformed):
        normalise(read_statement(statements.provenance(builder="a\x00b")), 1)


@pytest.mark.parametrize("predicate_type", sorted(READERS))
def test_an_empty_predicate_is_refused_by_every_reader(predicate_type: str) -> None:
    with pytest.raises(Malformed) as caught:
        normalise(of(predicate_type, {}), 1)
    assert str(caught.value.fields["path"]).startswith("predicate.")


@pytest.mark.parametrize("predicate_type", sorted(READERS))
@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_any_json_gives_facts_or_a_code(predicate_type: str, predicate: dict[str, Any]) -> None:
    try:
        normalised = normalise(of(predicate_type, predicate), 1)
    except Refused as refusal:
        assert refusal.code in {"malformed", "too_large"}  # noqa: PT017  either way is right; what is raised must be ours
    else:
        assert_facts_fit(normalised.kind, normalised.facts)


def _places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [path, *(place for key, one in value.items() for place in _places(one, (*path, key)))]
    if isinstance(value, list):
        return [path, *(place for key, one in enumerate(value) for place in _places(one, (*path, key)))]
    return [path]


def _replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:  # noqa: ANN401  any JSON
    if not path:
        return new
    if isinstance(value, dict):
        return {key: _replaced(one, path[1:], new) if key == path[0] else one for key, one in value.items()}
    return [_replaced(one, path[1:], new) if key == path[0] else one for key, one in enumerate(value)]


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(SAMPLES), st.data())
def test_one_member_replaced_by_any_json_gives_facts_or_a_code(
    sample: statements.Statement, data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from([one for one in _places(sample["predicate"]) if one]))
    predicate = _replaced(sample["predicate"], place, data.draw(JSON))
    try:
        normalised = normalise(of(sample["predicateType"], predicate), 1)
    except Refused as refusal:
        assert refusal.code in {"malformed", "too_large"}  # noqa: PT017  either way is right; what is raised must be ours
    else:
        assert_facts_fit(normalised.kind, normalised.facts)
