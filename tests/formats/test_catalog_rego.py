"""The Rego a catalog compiles to: the same truth values as a reference evaluator, safe, readable, and within limits."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import regorus
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain import kinds, population
from evidence_api.domain.control import Catalog, Control, Fresh, Per, Query
from evidence_api.domain.evidence import Fact, Release
from evidence_api.domain.facts import Row
from evidence_api.domain.where import Compare, Constant, Expression, write
from evidence_api.formats import catalog_rego
from evidence_api.formats.catalog_rego import compile_catalog, explain_catalog, rules_of
from tests.support import where as support
from tests.support.catalogs import AT, DIGESTS, RELEASE, assess, catalog_of, decide, evidence_id, row, shipped_catalog


@pytest.fixture(autouse=True)
def _a_kind_of_every_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind of the support module, known to input and compiler for the time of a test."""
    table = {**kinds.KINDS, **support.KINDS}
    monkeypatch.setattr(population, "KINDS", table)
    monkeypatch.setattr(catalog_rego, "KINDS", table)


def catalog_from(*queries: Query, digest: str = "sha256:test") -> Catalog:
    controls = tuple(Control(f"C-{number}", (query,)) for number, query in enumerate(queries))
    return Catalog(digest, controls, (), (), (), {})


def query_of(where: Expression) -> Query:
    return Query("every_type", where, write(where))


@settings(max_examples=60, deadline=None)
@given(st.lists(support.expressions(), min_size=1, max_size=4), st.lists(support.facts(), max_size=4))
def test_rows_classify_as_the_reference_says(trees: list[Expression], given_facts: list[dict[str, Fact]]) -> None:
    rows = [row("every_type", facts, number=number) for number, facts in enumerate(given_facts)]
    answer = decide(catalog_from(*map(query_of, trees)), rows)
    for number, tree in enumerate(trees):
        told = answer[f"C-{number}"]["queries"][0]["rows"]
        truth = [support.reference(tree, facts) for facts in given_facts]
        expected = {"matched": True, "failed": False, "unknown": None}
        for name, value in expected.items():
            assert told[name] == [at for at, found in enumerate(truth) if found is value], (name, write(tree))


@pytest.mark.parametrize("nasty", ['"]\n}\nallow := true #', "# x\r\nfoo := 1", "\u2028x := 1", "`", "\\u0022", "${x}"])
def test_nothing_an_author_writes_breaks_out_of_its_place(nasty: str) -> None:
    where = f"word == {orjson.dumps(nasty).decode()}"
    query = Query("every_type", Compare("word", "==", nasty), f"{where}\n{nasty}", name=nasty)
    catalog = Catalog("sha256:n", (Control("C-1", (query,), title=nasty, statement=nasty),), (), (), (), {})
    engine = regorus.Engine()
    engine.add_policy("catalog.rego", compile_catalog(catalog))
    rules = {line.split(" ")[0] for line in compile_catalog(catalog).splitlines() if re.match(r"[a-z]", line)}
    assert not rules & {"allow", "foo", "x"}
    answer = decide(catalog, [row("every_type", {"word": nasty})])
    assert answer["C-1"]["outcome"] == "pass"


def test_names_never_collide() -> None:
    ids = [
        "A-1",
        "a_1",
        "A.1",
        "A-1-1-TRUE",
        "EVERY-TYPE-WORD",
        "EVERY-TYPE-WORD-SAID",
        "EVERY-TYPE-ROWS",
        "INPUT",
        "IF",
        "SETTLED",
        "N",
        "COUNT",
        "ROW",
        "1-X",
    ]
    queries = (query_of(Compare("word", "==", "x")), query_of(Compare("word", "==", "X")))
    catalog = Catalog("sha256:c", tuple(Control(name, queries) for name in ids), (), (), (), {})
    module = compile_catalog(catalog)
    complete = [found[1] for line in module.splitlines() if (found := re.match(r"([a-z]\w*) := ", line))]
    assert len(complete) == len(set(complete))
    assert len(set(rules_of(catalog).values())) == len(ids)
    answer = decide(catalog, [row("every_type", {"word": "x"})])
    assert [len(answer[name]["queries"][0]["rows"]["matched"]) for name in ids] == [1] * len(ids)
    assert {answer[name]["queries"][1]["outcome"] for name in ids} == {"fail"}


def test_the_shipped_module_is_readable_and_within_the_bounds_of_engines() -> None:
    module = compile_catalog(shipped_catalog())
    assert module.startswith("package evidence.catalog\n")
    assert "import" not in {line.split(" ")[0] for line in module.splitlines()}
    assert max(map(len, module.splitlines())) <= 200
    assert "# query 3: attest where provenance == verified && sbom.criticals == 0" in module
    for control in shipped_catalog().controls:
        assert f"# ----- {control.id} " in module


def test_nothing_is_negated_that_may_be_undefined() -> None:
    """OPA takes a reference out of a negated call, so that `not row.age.x <= 1` is undefined where the age is."""
    everything = catalog_of("""\
id: A
query:
  - {kind: opa, where: '!(denies <= 1) && !("x" in rules)', fresh: {max_age: P1D}, population: {where: '!(area == x)'}}
  - {kind: sbom, where: '!analysed', per: subject, on_empty: {outcome: not_applicable, reason: r}}
""")
    for module in (compile_catalog(everything), compile_catalog(shipped_catalog())):
        code = [line.strip() for line in module.splitlines() if not line.startswith("#")]
        assert {line for line in code if re.search(r"\bnot\b", re.sub(r'"[^"]*"', "", line))} == {"not input.only"}


def test_what_is_explained_are_the_same_rules_in_another_order() -> None:
    catalog = shipped_catalog()
    explained, compiled = explain_catalog(catalog), compile_catalog(catalog)
    assert sorted(rules_in(explained)) == sorted(rules_in(compiled))
    order = [explained.index(words) for words in ("IG-SC-5", "The comparisons", "The facts", "The rules of counting")]
    assert order == sorted(order)
    assert max(map(len, explained.splitlines())) <= 200
    engines = []
    for module in (explained, compiled):
        engine = regorus.Engine()
        engine.add_policy("catalog.rego", module)
        given_rows = [row("opa", {"denies": 0, "result": "allow"}), row("attest", {"provenance": "verified"})]
        engine.set_input_json(orjson.dumps(population.assessment_input(catalog, RELEASE, given_rows, AT)).decode())
        engines.append(orjson.loads(engine.eval_query_as_json("data.evidence.catalog.verdicts"))["result"])
    assert engines[0] == engines[1]


def rules_in(module: str) -> list[str]:
    """Its rules, without comments."""
    bare = "\n".join(line for line in module.splitlines() if not line.startswith("#"))
    return [rule.strip() for rule in re.split(r"\n\s*\n", bare) if rule.strip()]


def test_equal_comparisons_are_written_once() -> None:
    catalog = catalog_from(*[query_of(Compare("word", "==", "x"))] * 5)
    assert compile_catalog(catalog).count("every_type_word_is_x contains n if") == 1


TRUE, FALSE, UNKNOWN = {"count": 1}, {"count": 0}, dict[str, Fact]()
ONE = Compare("count", "==", 1)
OLD = timedelta(days=31)


def outcome(query: Query, *rows: Row, release: Release = RELEASE) -> str:
    catalog = catalog_from(query)
    told = decide(catalog, rows, release)
    assert told["C-0"]["outcome"] == told["C-0"]["queries"][0]["outcome"]
    return str(told["C-0"]["outcome"])


def rows_of_facts(*found: Mapping[str, Fact], **more: Any) -> list[Row]:  # noqa: ANN401  fields of Row
    return [row("every_type", facts, number=number, **more) for number, facts in enumerate(found)]


BASE = query_of(ONE)
FRESH = replace(BASE, fresh=Fresh(timedelta(days=30)))
A: dict[str, Fact] = {"word": "a"}
B: dict[str, Fact] = {"word": "b"}
ABOUT_A = replace(BASE, population=Compare("word", "==", "a"), population_source="word == a")


@pytest.mark.parametrize(
    ("query", "rows", "expected"),
    [
        (BASE, [], "missing"),
        (replace(BASE, on_empty="not_applicable", on_empty_reason="r"), [], "not_applicable"),
        (BASE, rows_of_facts(TRUE), "pass"),
        (BASE, rows_of_facts(TRUE, FALSE), "fail"),
        (BASE, rows_of_facts(TRUE, UNKNOWN), "missing"),
        (BASE, rows_of_facts(FALSE, UNKNOWN), "fail"),
        (BASE, rows_of_facts(TRUE, withheld=True), "missing"),
        (BASE, [*rows_of_facts(TRUE, FALSE), row("every_type", TRUE, number=9, withheld=True)], "missing"),
        (
            replace(BASE, on_empty="not_applicable", on_empty_reason="r"),
            rows_of_facts(TRUE, withheld=True),
            "missing",
        ),
        (BASE, rows_of_facts(TRUE, verified=False), "missing"),
        (BASE, [*rows_of_facts(TRUE), row("every_type", FALSE, number=9, verified=False)], "pass"),
        (replace(BASE, at_least=2), rows_of_facts(TRUE), "missing"),
        (replace(BASE, at_least=2), rows_of_facts(TRUE, TRUE), "pass"),
        (FRESH, rows_of_facts(TRUE, age=timedelta(days=30)), "pass"),
        (FRESH, rows_of_facts(TRUE, age=timedelta(days=30, microseconds=1)), "stale"),
        (FRESH, rows_of_facts(TRUE, age=None), "stale"),
        (FRESH, rows_of_facts(TRUE, age=timedelta(days=-1)), "stale"),
        (FRESH, rows_of_facts(TRUE, age=timedelta(minutes=-4)), "pass"),
        (FRESH, rows_of_facts(FALSE, age=OLD), "missing"),
        (FRESH, [*rows_of_facts(FALSE, age=OLD), row("every_type", TRUE, number=9)], "pass"),
        (FRESH, [*rows_of_facts(TRUE, age=OLD), row("every_type", FALSE, number=9)], "fail"),
        (FRESH, rows_of_facts(FALSE, age=None), "fail"),  # leaving out the time hides no failure
        (FRESH, [*rows_of_facts(FALSE, age=None), row("every_type", TRUE, number=9)], "fail"),
        (FRESH, [*rows_of_facts(FALSE, age=timedelta(days=-1)), row("every_type", TRUE, number=9)], "fail"),
        (FRESH, rows_of_facts(UNKNOWN, age=OLD), "missing"),
        (replace(FRESH, at_least=2), [*rows_of_facts(TRUE, age=OLD), row("every_type", TRUE, number=9)], "stale"),
        (replace(BASE, fresh=Fresh(timedelta(days=30), "received")), rows_of_facts(TRUE, age=OLD), "pass"),
        (replace(BASE, fresh=Fresh(timedelta(days=30), "collected")), rows_of_facts(TRUE), "stale"),
        (replace(BASE, per=Per.OCCURRENCE), rows_of_facts(TRUE, TRUE), "pass"),
        (replace(BASE, per=Per.OCCURRENCE), rows_of_facts(TRUE, FALSE), "fail"),
        (replace(BASE, per=Per.OCCURRENCE, at_least=3), rows_of_facts(TRUE, TRUE), "missing"),
        (
            replace(FRESH, per=Per.OCCURRENCE),
            [*rows_of_facts(TRUE, age=OLD), row("every_type", TRUE, number=9)],
            "stale",
        ),
        (
            replace(FRESH, per=Per.OCCURRENCE),
            [*rows_of_facts(FALSE, age=OLD), row("every_type", TRUE, number=9)],
            "stale",
        ),
        (replace(BASE, per=Per.SUBJECT), rows_of_facts(TRUE), "missing"),
        (replace(BASE, per=Per.SUBJECT), rows_of_facts(TRUE, subjects=DIGESTS), "pass"),
        (
            replace(BASE, per=Per.SUBJECT),
            [*rows_of_facts(TRUE), row("every_type", TRUE, number=9, subjects=DIGESTS[1:])],
            "pass",
        ),
        (replace(BASE, per=Per.SUBJECT, at_least=2), rows_of_facts(TRUE, subjects=DIGESTS), "missing"),
        (
            replace(FRESH, per=Per.SUBJECT),
            [*rows_of_facts(TRUE), row("every_type", TRUE, number=9, subjects=DIGESTS[1:], age=OLD)],
            "stale",
        ),
        (ABOUT_A, rows_of_facts(A | TRUE, B | FALSE), "pass"),
        (ABOUT_A, rows_of_facts(A | FALSE, B | TRUE), "fail"),
        (ABOUT_A, rows_of_facts(A | UNKNOWN, B | TRUE), "missing"),
        (ABOUT_A, rows_of_facts(B | TRUE), "missing"),
        (ABOUT_A, rows_of_facts(A | TRUE, FALSE), "pass"),  # who does not say so is none of them
        (ABOUT_A, rows_of_facts(TRUE), "missing"),
        (ABOUT_A, [*rows_of_facts(A | TRUE), row("every_type", B, number=9, withheld=True)], "missing"),
        (replace(ABOUT_A, on_empty="not_applicable", on_empty_reason="r"), rows_of_facts(B | FALSE), "not_applicable"),
        (replace(ABOUT_A, per=Per.SUBJECT), rows_of_facts(A | TRUE, B | TRUE, subjects=DIGESTS), "pass"),
        (replace(ABOUT_A, per=Per.SUBJECT), rows_of_facts(B | TRUE, subjects=DIGESTS), "missing"),
        (replace(ABOUT_A, per=Per.OCCURRENCE), rows_of_facts(A | TRUE, B | FALSE), "pass"),
        (replace(ABOUT_A, per=Per.OCCURRENCE), rows_of_facts(A | TRUE, A | FALSE), "fail"),
        (replace(ABOUT_A, per=Per.OCCURRENCE), rows_of_facts(A | TRUE, TRUE), "missing"),  # it may be one of them
        (
            replace(ABOUT_A, per=Per.OCCURRENCE, fresh=Fresh(timedelta(days=30))),
            [*rows_of_facts(A | TRUE), row("every_type", B | TRUE, number=9, age=OLD)],
            "pass",
        ),
        (replace(BASE, where=Constant(value=True)), rows_of_facts(UNKNOWN), "pass"),
        (replace(BASE, where=Constant(value=False)), rows_of_facts(TRUE), "fail"),
    ],
)
def test_what_a_query_means(query: Query, rows: list[Row], expected: str) -> None:
    assert outcome(query, *rows) == expected


def test_a_release_without_artifacts_has_nothing_for_each_of_them() -> None:
    assert (
        outcome(replace(BASE, per=Per.SUBJECT), *rows_of_facts(TRUE), release=replace(RELEASE, digests=())) == "missing"
    )


ANY_OF = """\
id: C
combine: {combine}
query:
  - {{kind: opa, where: denies==0}}
  - {{kind: sbom, where: components>=1, on_empty: {{outcome: not_applicable, reason: r}}}}
  - {{kind: vulns, where: criticals==0, fresh: {{max_age: P7D}}}}
"""
PASS, FAIL, STALE = row("opa", {"denies": 0}), row("opa", {"denies": 1}), row("vulns", {"criticals": 0}, age=OLD)


@pytest.mark.parametrize(
    ("rows", "all_of", "any_of"),
    [
        ([], "missing", "missing"),
        ([PASS], "missing", "pass"),
        ([FAIL], "fail", "missing"),
        ([FAIL, STALE], "fail", "stale"),
        ([PASS, STALE], "stale", "pass"),
        ([PASS, row("vulns", {"criticals": 0})], "pass", "pass"),
        ([FAIL, row("vulns", {"criticals": 1}), row("sbom", {"components": 0})], "fail", "fail"),
    ],
)
def test_queries_join_by_the_worst_or_by_the_best(rows: list[Row], all_of: str, any_of: str) -> None:
    for combine, expected in (("all", all_of), ("any", any_of)):
        assert decide(catalog_of(ANY_OF.format(combine=combine)), rows)["C"]["outcome"] == expected


def test_not_applicable_is_neutral_and_alone_it_stays() -> None:
    text = "id: C\nquery: [{kind: sbom, where: analysed, on_empty: {outcome: not_applicable, reason: r}}]\n"
    assert decide(catalog_of(text), [])["C"]["outcome"] == "not_applicable"


@pytest.mark.parametrize("state", ["draft", "retired"])
def test_drafts_and_retired_controls_are_not_run(state: str) -> None:
    catalog = catalog_of(f"id: C\nstate: {state}\nquery: [{{kind: opa, where: denies==0}}]\n")
    assert decide(catalog, [PASS])["C"]["outcome"] == "not_run"
    assert assess(catalog, [PASS]).findings[0].outcome == "not_run"


def test_a_sample_is_picked_by_its_seed_and_only_it_is_tested() -> None:
    text = "id: C\nquery: [{kind: opa, where: denies==0, population: {sample: {size: 3, seed: s}}}]\n"
    rows = [row("opa", {"denies": 0}, number=number) for number in range(20)]
    (result,) = assess(catalog_of(text), rows).findings[0].queries
    assert (result.population, result.tested, len(result.matched)) == (20, 3, 3)
    again = assess(catalog_of(text), rows).findings[0].queries[0]
    other = assess(catalog_of(text.replace("seed: s", "seed: t")), rows).findings[0].queries[0]
    assert again.matched == result.matched != other.matched
    untested = next(one for one in rows if one.evidence[0] not in result.matched)
    worse = [replace(one, facts={"denies": 1}) if one is untested else one for one in rows]
    assert assess(catalog_of(text), worse).findings[0].outcome == "pass"
    erased = [replace(one, withheld=True) if one is untested else one for one in rows]
    assert assess(catalog_of(text), erased).findings[0].outcome == "missing"


def test_time_is_only_what_the_input_says() -> None:
    text = "id: C\nquery: [{kind: opa, where: denies==0, fresh: {max_age: P1D}}]\n"
    rows = [row("opa", {"denies": 0}, number=int(evidence_id(1)[-1]))]
    assert decide(catalog_of(text), rows, at=AT)["C"]["outcome"] == "pass"
    assert decide(catalog_of(text), rows, at=AT + timedelta(days=2))["C"]["outcome"] == "stale"
