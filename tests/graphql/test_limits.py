import gc
import time
from collections.abc import Callable

import pytest
from graphql import get_introspection_query, parse

from evidence_api.domain.errors import EvidenceError
from evidence_api.graphql.documents import DocumentCache
from evidence_api.graphql.limits import Limits, check_shape
from evidence_api.graphql.schema import build_schema

LIMITS = Limits()
QUICK = 0.05  # seconds of CPU a refusal may cost; measured 1 to 8 ms


def cpu_seconds(work: Callable[[], object]) -> float:
    """The least of three, without the collector: what the work itself costs."""
    measured = []
    gc.disable()
    for _ in range(3):
        started = time.process_time()
        work()
        measured.append(time.process_time() - started)
    gc.enable()
    return min(measured)


def refused(query: str, limits: Limits = LIMITS) -> EvidenceError:
    caught: list[EvidenceError] = []

    def check() -> None:
        with pytest.raises(EvidenceError) as refusal:
            check_shape(parse(query), limits)
        caught.append(refusal.value)

    assert cpu_seconds(check) < QUICK
    return caught[0]


def bomb(levels: int, spread: str = "t{{...f{0}}} t{{...f{0}}}") -> str:
    fragments = " ".join(f"fragment f{n} on T{{{spread.format(n + 1)}}}" for n in range(levels))
    return f"query{{t{{...f0}}}} {fragments} fragment f{levels} on T{{name}}"


@pytest.mark.parametrize("levels", [20, 60, 95])
@pytest.mark.parametrize("spread", ["t{{...f{0}}} t{{...f{0}}}", "...f{0} ...f{0}", "a:t{{...f{0}}} b:t{{...f{0}}}"])
def test_doubling_fragments_cost_their_length(levels: int, spread: str) -> None:
    assert refused(bomb(levels, spread)).code in {"too_deep", "too_many_fields", "too_many_aliases"}


@pytest.mark.parametrize(
    ("query", "code", "limit", "value"),
    [
        ("{" + "t{" * 12 + "name" + "}" * 13, "too_deep", 12, 13),
        ("{t{" + " ".join(f"a{n}:name" for n in range(31)) + "}}", "too_many_aliases", 30, 31),
        ("{" + "t{name} " * 21 + "}", "too_many_root_fields", 20, 21),
        ("{t{" + "name " * 500 + "}}", "too_many_fields", 500, 501),
        ("{t{" + "t{name} " * 120 + "}}", "too_many_repeats", 5000, 2 * 120 * 119 // 2),
        (" ".join(f"query q{n}{{t{{name}}}}" for n in range(101)), "too_many_definitions", 100, 101),
    ],
)
def test_each_limit_says_itself_and_the_value(query: str, code: str, limit: int, value: int) -> None:
    error = refused(query)
    assert (error.code, error.fields["limit"], error.fields["value"]) == (code, limit, value)


def test_what_is_just_within_the_limits_passes() -> None:
    check_shape(parse("{" + "t{" * 11 + "name" + "}" * 12), LIMITS)
    check_shape(parse("{" + "t{name} " * 20 + "}"), LIMITS)
    check_shape(parse("{t{" + " ".join(f"a{n}:name" for n in range(30)) + "}}"), LIMITS)


def test_fragments_and_inline_fragments_count_where_they_are_spread() -> None:
    query = "{...r ...{...r}} fragment r on Query{" + "t{name} " * 11 + "}"
    assert refused(query).code == "too_many_root_fields"


def test_a_fragment_cycle_is_refused() -> None:
    assert refused("{t{...a}} fragment a on T{...b} fragment b on T{t{...a}}").code == "fragment_cycle"


def test_unused_fragments_are_measured_too() -> None:
    assert refused("{t{name}} fragment f on T{" + "t{name} " * 150 + "}").code == "too_many_repeats"


def test_a_long_chain_of_fragments_does_not_overflow() -> None:
    chain = " ".join(f"fragment f{n} on T{{...{{...{{...f{n + 1}}}}}}}" for n in range(98))
    check_shape(parse(f"{{t{{...f0}}}} {chain} fragment f98 on T{{name}}"), LIMITS)


def test_introspection_as_tools_send_it_is_within_the_limits() -> None:
    document = DocumentCache(build_schema()._schema, LIMITS).prepare(get_introspection_query(descriptions=True))
    assert document.errors == ()


def test_validation_of_anything_within_the_limits_is_quick() -> None:
    worst = "{viewer{" + "tenant{name} " * 70 + "}}"
    schema = build_schema()._schema
    assert DocumentCache(schema, LIMITS).prepare(worst).errors == ()
    assert cpu_seconds(lambda: DocumentCache(schema, LIMITS).prepare(worst)) < 2 * QUICK


def test_documents_are_prepared_once_and_the_cache_is_bounded() -> None:
    cache = DocumentCache(build_schema()._schema, LIMITS, entries=3, characters=200)
    assert cache.prepare("{viewer{kind}}") is cache.prepare("{viewer{kind}}")
    for number in range(10):
        cache.prepare(f"{{a{number}:viewer{{kind}}}}")
    assert len(cache) == 3
    cache.prepare("{viewer{kind}}" + " " * 180)
    assert len(cache) == 1


def test_text_over_the_source_limit_is_not_read() -> None:
    cache = DocumentCache(build_schema()._schema, LIMITS)
    with pytest.raises(EvidenceError) as refusal:
        cache.prepare('{node(id:"' + "a" * 5_000_000 + '"){id}}')
    assert (refusal.value.code, refusal.value.fields["limit"]) == ("source_too_long", 65536)


def test_too_many_tokens_are_not_parsed() -> None:
    cache = DocumentCache(build_schema()._schema, LIMITS)
    for text, code in (
        ("{viewer{" + "kind " * 3000 + "}}", "too_many_tokens"),
        ("#\n" * 300 + "{viewer{kind}}", "too_many_comments"),
        ("{" + "a{" * 900 + "a" + "}" * 901, "too_deep"),
        ("{node(id:" + "[" * 900 + "]" * 900 + "){id}}", "too_deep"),
    ):
        with pytest.raises(EvidenceError) as refusal:
            cache.prepare(text)
        assert refusal.value.code == code
