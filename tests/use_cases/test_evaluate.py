"""Assessing a release through the engine's own processes: the shipped catalog, failing rules, and what is kept."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.errors import InvalidSource, Overloaded
from evidence_api.engines.files import read_texts, shipped
from evidence_api.engines.rego import PolicyBundle, RegoPool, policy_bundle
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.policy_bundle import bundle_from_files
from evidence_api.use_cases import evaluate
from evidence_api.use_cases.evaluate import CATALOG_MODULE, assess_release, catalog_bundle
from tests.support.catalogs import AT, RELEASE, assess, catalog_of, row, shipped_catalog

ROWS = (row("opa", {"denies": 0}), row("github_checks", {"required": "pass", "failed": 1}, number=2))


@pytest_asyncio.fixture(scope="module")
async def rego() -> AsyncIterator[RegoPool]:
    async with RegoPool(workers=1, timeout=0.5) as pool:
        yield pool


async def test_the_shipped_catalog_and_policies_decide_together(rego: RegoPool) -> None:
    policy = bundle_from_files(read_texts(shipped("policy"), (".rego", ".yaml", ".json")))
    found = await assess_release(rego, shipped_catalog(), policy, RELEASE, ROWS, tree_size=3, at=AT)
    assert found.findings == assess(shipped_catalog(), ROWS).findings
    assert (found.tree_size, found.evaluated_at, found.catalog_digest) == (3, AT, shipped_catalog().digest)
    assert found.policy_digest == catalog_bundle(shipped_catalog(), policy).digest


async def test_the_engines_load_check_takes_the_compiled_catalog(rego: RegoPool) -> None:
    await rego.check(catalog_bundle(shipped_catalog()))


RULES = """\
id: PLAIN
query: [{kind: opa, where: denies==0}]
---
id: GOOD
policy: data.own.good.decision
---
id: SLOW
fix: Make it quicker.
policy: data.own.slow.decision
---
id: ABSENT
policy: data.own.absent.decision
---
id: DRAFT
state: draft
policy: data.own.good.decision
"""
GOOD = """\
package own.good

decision := {"outcome": "pass", "because": "n is small", "facts": {"n": count(input.rows.opa)}}
"""
SLOW = """\
package own.slow

decision := {"outcome": "pass"} if {
	count([1 | some a in numbers.range(1, 4000); some b in numbers.range(1, 4000); a != b]) > 0
}
"""


async def test_a_rule_that_fails_takes_no_other_control_with_it(rego: RegoPool) -> None:
    policy = policy_bundle({"good.rego": GOOD, "slow.rego": SLOW})
    found = await assess_release(rego, catalog_of(RULES), policy, RELEASE, ROWS, tree_size=1, at=AT)
    told = {finding.control: (str(finding.outcome), finding.code) for finding in found.findings}
    assert told == {
        "PLAIN": ("pass", ""),
        "GOOD": ("pass", ""),
        "SLOW": ("error", "engine_timeout"),
        "ABSENT": ("error", "undecided"),
        "DRAFT": ("not_run", ""),
    }
    good, slow = found.findings[1], found.findings[2]
    assert (good.because, dict(good.facts)) == ("n is small", {"n": 1})
    assert slow.fix == "Make it quicker."


@pytest.mark.parametrize("said", ["pass", "not_applicable", "fail"])
async def test_a_rule_is_not_believed_while_evidence_is_withheld(rego: RegoPool, said: str) -> None:
    """Neither a pass nor that nothing applies, which would let the rest of a criterion pass. A failure is."""
    catalog = catalog_of("id: GOOD\npolicy: data.own.good.decision\n")
    policy = policy_bundle({"good.rego": GOOD.replace('"pass"', f'"{said}"')})
    whole = await assess_release(rego, catalog, policy, RELEASE, ROWS, tree_size=1, at=AT)
    assert whole.findings[0].outcome == said
    rows = (*ROWS, row("sbom", number=5, withheld=True))
    (found,) = (await assess_release(rego, catalog, policy, RELEASE, rows, tree_size=1, at=AT)).findings
    assert found.outcome == ("fail" if said == "fail" else "missing")
    assert ("erased" in found.because) == (said != "fail")


async def test_a_policy_that_does_not_load_is_an_error_of_every_control(rego: RegoPool) -> None:
    policy = policy_bundle({"bad.rego": "package own.bad\n\nx := http.send({})\n"})
    found = await assess_release(rego, catalog_of(RULES), policy, RELEASE, ROWS, tree_size=1, at=AT)
    assert {(str(finding.outcome), finding.code) for finding in found.findings} == {("error", "invalid_source")}


async def test_what_an_append_does_not_touch_is_taken_over(rego: RegoPool) -> None:
    catalog = shipped_catalog()
    before = await assess_release(rego, catalog, None, RELEASE, ROWS, tree_size=1, at=AT)
    more = (*ROWS, row("opa", {"denies": 3, "result": "deny"}, number=9))
    later = AT + timedelta(days=45)
    reading = {control.id for control in catalog.controls if "opa" in control.kinds()}
    whole = await assess_release(rego, catalog, None, RELEASE, more, tree_size=2, at=later)
    assert (
        await assess_release(rego, catalog, None, RELEASE, more, tree_size=2, at=later, only=reading, previous=before)
        == whole
    )
    kept = await assess_release(rego, catalog, None, RELEASE, more, tree_size=2, at=AT, only=set(), previous=before)
    assert next(one for one in kept.findings if one.control == "IG-POL-1").outcome is Outcome.PASS


async def test_nothing_is_asked_when_nothing_is_due(rego: RegoPool, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = catalog_of("id: A\nquery: [{kind: opa, where: denies==0}]\n")
    before = await assess_release(rego, catalog, None, RELEASE, ROWS, tree_size=1, at=AT)

    async def refuse(*_: object, **__: object) -> bytes:
        raise Overloaded("busy")

    monkeypatch.setattr(rego, "evaluate", refuse)
    kept = await assess_release(rego, catalog, None, RELEASE, ROWS, tree_size=2, at=AT, only=set(), previous=before)
    assert (kept.findings, kept.tree_size) == (before.findings, 2)
    with pytest.raises(Overloaded):
        await assess_release(rego, catalog, None, RELEASE, ROWS, tree_size=2, at=AT)


@pytest.mark.parametrize(
    ("modules", "code", "line"),
    [
        ({"a.rego": "# x\n\npackage evidence.catalog\n"}, "reserved_package", 3),
        ({"a.rego": 'package evidence["catalog"].verdicts\n'}, "reserved_package", 1),
        ({CATALOG_MODULE: "package x\n"}, "reserved_name", 1),
    ],
)
def test_the_catalogs_own_names_are_reserved(modules: dict[str, str], code: str, line: int) -> None:
    with pytest.raises(InvalidSource) as caught:
        catalog_bundle(catalog_of("id: A\nquery: [{kind: opa, where: denies==0}]\n"), policy_bundle(modules))
    assert [(fault.code, fault.line) for fault in caught.value.faults] == [(code, line)]


def test_a_bundle_is_made_once_and_holds_the_compiled_catalog() -> None:
    policy = policy_bundle({"good.rego": GOOD}, b'{"limit": 3}')
    bundle = catalog_bundle(shipped_catalog(), policy)
    assert catalog_bundle(shipped_catalog(), policy) is bundle
    assert isinstance(bundle, PolicyBundle)
    assert bundle.modules[CATALOG_MODULE] == compile_catalog(shipped_catalog())
    assert (bundle.modules["good.rego"], bundle.data) == (GOOD, b'{"limit": 3}')
    assert evaluate.VERDICTS == "data.evidence.catalog.verdicts"
