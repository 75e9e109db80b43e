"""The policies as shipped: their own tests pass, they load as the server loads them, and silence never allows."""

from collections.abc import AsyncIterator, Mapping
from itertools import chain, combinations
from typing import Any

import jsonschema_rs
import orjson
import pytest
import pytest_asyncio

from evidence_api.domain.errors import InvalidSource
from evidence_api.engines.files import shipped
from evidence_api.engines.rego import RegoPool, policy_bundle
from evidence_api.formats.policy_bundle import bundle_from_files
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.policies import cover_policy_tests, load_policy, read_policy, run_policy_tests
from evidence_api.use_cases.policy_areas import chosen, read_areas

FOLDER = shipped("policy")
AREAS = tuple(area.name for area in read_areas(read_policy(FOLDER)))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rego() -> AsyncIterator[RegoPool]:
    async with RegoPool() as pool:
        yield pool


async def test_every_test_of_the_shipped_policies_passes(rego: RegoPool) -> None:
    results = await run_policy_tests(rego, read_policy(FOLDER))
    assert [(r.rule.file, r.rule.line, r.because) for r in results if not r.passed] == []
    assert {r.rule.file.partition("/")[0] for r in results} == {*AREAS, "trust"}  # trust decides nothing by itself
    assert len(results) > 250


async def test_every_area_is_there_with_all_that_belongs_to_it() -> None:
    files = read_policy(FOLDER)
    assert {"admission", "authorisation", "dependencies", "exchange", "marketplace", "model_call", "override"} <= {
        *AREAS
    }
    assert {"export", "residency", "rollout", "write_paths"} <= {*AREAS}
    for area in AREAS:
        assert {f"{area}/{area}{end}" for end in (".rego", "_test.rego", "_invariant.rego")} <= files.keys()


async def test_tests_reach_every_line_and_make_every_denial_fire(rego: RegoPool) -> None:
    results, reached = await cover_policy_tests(rego, read_policy(FOLDER))
    assert all(result.passed for result in results)
    assert reached.never_fired == ()
    assert {rule.rule.partition(".")[0] for rule in reached.rules} == {*AREAS}
    assert [(one.file, one.not_covered) for one in reached.files if one.not_covered] == []


@pytest.mark.parametrize("area", AREAS)
async def test_examples_of_the_schemas_are_answered(rego: RegoPool, area: str) -> None:
    """Each whole example keeps to its schema and gets an answer; some area allows one as it ships."""
    (one,) = chosen(read_areas(read_policy(FOLDER)), (area,))
    check = jsonschema_rs.validator_for(dict(one.schema))
    gate = Gate(rego, await load_policy(rego, FOLDER))
    for example in one.schema.get("examples", []):
        assert [fault.message for fault in check.iter_errors(example)] == []
        assert (await gate.decide(area, example)).rules != ("undefined",)


async def test_invariants_and_schemas_are_no_part_of_a_bundle() -> None:
    files = read_policy(FOLDER)
    others = {name for name in files if name.endswith(("_invariant.rego", "_test.rego", ".schema.json"))}
    assert len(others) > 3 * len(AREAS) - 1
    bare = {name: text for name, text in files.items() if name not in others}
    assert bundle_from_files(bare).digest == bundle_from_files(files).digest


async def test_a_failing_test_fails_and_no_test_is_no_pass(rego: RegoPool) -> None:
    files = {
        "a.rego": "package a\n\nr := 1\n",
        "a_test.rego": "package a_test\n\ntest_good if data.a.r == 1\n\ntest_bad if data.a.r == 2\n\n"
        "test_odd := 3\n\ntest_error if 1 / 0 == 1\n",
    }
    results = await run_policy_tests(rego, files)
    shown = {result.rule.name: (result.passed, result.because.rpartition("error: ")[2]) for result in results}
    assert shown == {
        "test_good": (True, ""),
        "test_bad": (False, "undefined"),
        "test_odd": (False, "gave 3"),
        "test_error": (False, "divide by zero"),
    }
    with pytest.raises(InvalidSource):
        await run_policy_tests(rego, {"a.rego": files["a.rego"]})


async def test_removing_facts_from_a_denied_question_never_allows_it(rego: RegoPool) -> None:
    """Whatever is left out of a question that is denied, it stays denied (or the policy fails: no allow)."""
    gate = Gate(rego, await load_policy(rego, FOLDER))
    admission = {"tenant": "t", "rights": ["evidence:write"], "signer": "", "predicate_type": "p"}
    principal = {"kind": "token", "rights": ["pack:read"], "tenant": "acme"}
    questions: list[tuple[str, Mapping[str, Any]]] = [
        ("admission", admission | {"status": "failed", "code": "expired", "kind": "sbom"}),
        ("admission", admission | {"status": "unsigned", "code": "unsigned", "kind": "release"}),
        ("admission", admission | {"status": "verified", "code": "", "kind": "sbom", "rights": []}),
        ("authorisation", {"principal": principal, "action": "evidence:write"}),
        ("model_call", {"kind": "model_call", "spends": [3], "budget": 2}),
        ("residency", {"country": "DE", "region": "us-east"}),
        (
            "dependencies",
            {"purl": "pkg:npm/event-stream@3.3.6", "version": "3.3.6", "licence": "MIT", "scope": "runtime"},
        ),
        (
            "rollout",
            {"product": "p", "stage": "full", "percent": 100, "metrics": [], "incidents_open": 0, "freeze": True},
        ),
        (
            "marketplace",
            {"plugin": "p", "version": "1", "digest": f"sha256:{'a' * 64}", "permissions": [], "evidence": {}},
        ),
        ("write_paths", {"action": "write", "path": "infra/main.tf"}),
    ]
    for area, question in questions:
        parts = list(question)
        for left_out in chain.from_iterable(combinations(parts, n) for n in range(len(parts) + 1)):
            asked = {key: value for key, value in question.items() if key not in left_out}
            decision = await gate.decide(area, asked)
            assert not decision.allow, (area, asked)
            assert decision.rules != ("undefined",), (area, asked)
            assert decision.reasons, (area, asked)


async def test_rules_are_named_for_their_area(rego: RegoPool) -> None:
    gate = Gate(rego, await load_policy(rego, FOLDER))
    for area in AREAS:
        decision = await gate.decide(area, {})
        assert not decision.allow
        assert all(rule.startswith(f"{area}.") for rule in decision.rules)


async def test_shipped_bundle_has_one_digest_and_no_tests(rego: RegoPool) -> None:
    loaded = await load_policy(rego, FOLDER)
    assert loaded.digest == bundle_from_files(read_policy(FOLDER)).digest
    assert not any(name.endswith("_test.rego") for name in loaded.modules)
    assert set(orjson.loads(loaded.data)) == {*AREAS} - {"exchange"}  # which has no settings
    assert policy_bundle(loaded.modules, loaded.data).digest == loaded.digest
