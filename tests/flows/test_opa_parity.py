"""Parity with OPA: the policies shipped and every compiled control answer in the reference engine as they do in ours.

Runs where `opa` is on PATH. Both engines are given the same modules, data and inputs; decisions are compared byte for
byte in their canonical form, so that a reason differing by one character is a difference.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from evidence_api.domain.digest import canonical
from evidence_api.domain.evidence import Fact
from evidence_api.domain.facts import Row
from evidence_api.domain.kinds import KINDS, FactType
from evidence_api.domain.population import assessment_input
from evidence_api.engines.files import shipped
from evidence_api.engines.rego import PolicyBundle, RegoPool, policy_bundle
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.policy_inputs import InputMaker
from evidence_api.formats.policy_words import Vocabulary, vocabulary
from evidence_api.use_cases.policies import read_policy
from evidence_api.use_cases.policy_areas import PACKAGE, PolicyArea, read_areas
from tests.support import opa
from tests.support.catalogs import AT, DIGESTS, RELEASE, row, shipped_catalog

FOLDER = shipped("policy")
FILES = read_policy(FOLDER)
AREAS = {area.name: area for area in read_areas(FILES)}
INPUTS = 400
RELEASES = 60
ANSWERS = "[[answer | answer := {rule} with input as one{given}] | settings := input.settings; some one in input.cases]"


pytestmark = opa.needs_opa


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rego() -> AsyncIterator[RegoPool]:
    async with RegoPool() as pool:
        yield pool


@dataclass(frozen=True)
class Engines:
    """Ours, and OPA working in a folder of its own; both are asked the same."""

    rego: RegoPool
    folder: Path

    async def differences(
        self, bundle: PolicyBundle, rule: str, cases: Sequence[Any], area: str = "", settings: object = None
    ) -> list[tuple[Any, Any, Any]]:
        """(input, our answer, OPA's) wherever they are not the same; an answer is [] where the rule is undefined."""
        query = ANSWERS.format(rule=rule, given="" if settings is None else f" with data.{area} as settings")
        asked = orjson.dumps({"cases": cases, "settings": settings})
        ours = orjson.loads(await self.rego.evaluate(bundle, query, asked, timeout=30.0) or b"[]")
        theirs = await asyncio.to_thread(opa.evaluated, self.folder, bundle.modules, query, asked, bundle.data)
        assert len(ours) == len(theirs) == len(cases)
        triples = zip(cases, ours, theirs, strict=True)
        return [(case, one, other) for case, one, other in triples if canonical(one) != canonical(other)]


@pytest.fixture
def engines(rego: RegoPool, tmp_path: Path) -> Engines:
    return Engines(rego, tmp_path)


def inputs_of(area: PolicyArea, settings: Sequence[object], count: int) -> list[dict[str, Any]]:
    maker = InputMaker(area.schema, vocabulary(area.sources, [area.settings, *settings]), f"parity/{area.name}")
    return [maker.make() for _ in range(count)]


def test_opas_own_runner_passes_every_test() -> None:
    """So each shipped rule is asked about the inputs of the tests in both engines, and gives what the test wants."""
    results = orjson.loads(opa.run("test", "--format", "json", str(FOLDER)).stdout)
    assert [one["name"] for one in results if one.get("fail") or one.get("error")] == []
    assert len(results) > 250


def test_opa_finds_nothing_to_object_to() -> None:
    done = opa.run("check", "--strict", str(FOLDER))
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("area", AREAS)
async def test_decisions_are_opas(engines: Engines, area: str) -> None:
    one = AREAS[area]
    listed = await engines.rego.evaluate(one.bundle, f"data.evidence.invariant.{area}.settings", b"")
    settings = [None, *orjson.loads(listed or b"[]")]
    cases = inputs_of(one, settings, INPUTS)
    share = max(1, INPUTS // len(settings))
    for number, given in enumerate(settings):
        some = cases[number * share : (number + 1) * share]
        rule = f"{PACKAGE}.{area}.decision"
        found = await engines.differences(one.bundle, rule, some, area, given)
        assert found[:3] == []


@pytest.mark.parametrize("area", AREAS)
async def test_invariants_are_opas_for_what_is_allowed(engines: Engines, area: str) -> None:
    one = AREAS[area]
    cases = inputs_of(one, [], INPUTS)
    query = ANSWERS.format(rule=f"{PACKAGE}.{area}.decision.allow", given="")
    told = await engines.rego.evaluate(
        one.bundle, query, orjson.dumps({"cases": cases, "settings": None}), timeout=30.0
    )
    allowed = [case for case, answer in zip(cases, orjson.loads(told or b"[]"), strict=True) if answer == [True]]
    rule = f"data.evidence.invariant.{area}.forbidden"
    found = await engines.differences(one.bundle, rule, allowed)
    assert found[:3] == []


def fact_of(kind: FactType, words: Sequence[str], known: Vocabulary, chance: random.Random) -> Fact:
    """A value of the type: mostly one the catalog names, or its neighbour."""
    match kind:
        case FactType.BOOLEAN:
            return chance.choice((True, True, False))
        case FactType.NUMBER | FactType.DURATION:
            return chance.choice(known.numbers)
        case FactType.WORD:
            return chance.choice(words or known.words)
        case FactType.TIME:
            return f"2026-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T00:00:00Z"
        case FactType.WORDS:
            return tuple(chance.sample(known.words, chance.randint(0, 3)))


def rows_by_chance(known: Vocabulary, chance: random.Random) -> list[Row]:
    """Some rows of some kinds, verified or not, old or new, with most of their facts."""
    made: list[Row] = []
    for name in chance.sample(sorted(KINDS), chance.randint(0, len(KINDS))):
        kind = KINDS[name]
        for _ in range(chance.choice((1, 1, 2, 3))):
            facts = {
                path: fact_of(type_, (kind.words or {}).get(path, ()), known, chance)
                for path, type_ in kind.facts.items()
                if chance.random() < 0.8
            }
            age = chance.choice((None, timedelta(hours=1), timedelta(days=20), timedelta(days=400)))
            more = {
                "verified": chance.random() < 0.9,
                "withheld": chance.random() < 0.05,
                "subjects": chance.choice((DIGESTS, DIGESTS[:1], ())),
            }
            made.append(row(name, facts, number=len(made) + 1, age=age, **more))
    return made


async def test_every_compiled_control_decides_as_in_opa(engines: Engines) -> None:
    catalog = shipped_catalog()
    module = compile_catalog(catalog)
    known = vocabulary([module], [])
    chance = random.Random(12)  # noqa: S311  the same inputs in every run
    cases: list[Mapping[str, Any]] = [
        assessment_input(catalog, RELEASE, rows_by_chance(known, chance), AT) for _ in range(RELEASES)
    ]
    bundle = policy_bundle({"catalog.rego": module})
    found = await engines.differences(bundle, "data.evidence.catalog.verdicts", cases)
    assert [(one, other) for _, one, other in found[:1]] == []
    told = await engines.rego.evaluate(
        bundle, ANSWERS.format(rule="data.evidence.catalog.verdicts", given=""),
        orjson.dumps({"cases": cases, "settings": None}), timeout=30.0,
    )  # fmt: skip
    outcomes = {verdict["outcome"] for (verdicts,) in orjson.loads(told or b"[]") for verdict in verdicts.values()}
    assert {"pass", "fail", "missing"} <= outcomes
