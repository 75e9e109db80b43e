"""What if, over recorded releases of a real database: each factor alone flips a verdict and is named, and together."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.assessment import Assessment, Outcome
from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import InvalidSource, NotFound
from evidence_api.domain.recheck import Grounds, Recheck
from evidence_api.domain.replay import Factor, Flip
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.policy_bundle import PolicyBundle, policy_bundle
from evidence_api.store import assessments, catalogs, evidence, rechecks
from evidence_api.use_cases.replay import Question, Replayer
from evidence_api.use_cases.replay_trials import Rules
from tests.support import statements
from tests.support.place import Place, newest
from tests.web.conftest import Door

pytestmark = pytest.mark.usefixtures("recorded")

CONTROLS = """\
id: A-SBOM
query: [{kind: sbom, where: criticals==0}]
---
id: A-TESTS
query: [{kind: test_result, where: result==passed}]
---
id: A-SCAN
query: [{kind: vulns, where: criticals==0, fresh: {max_age: P30D, clock: effective}}]
---
id: A-CHECKS
query: [{kind: github_checks, where: required==pass}]
---
id: A-HOUSE
policy: data.house.decision
"""
HOUSE = 'package house\n\ndecision := {"outcome": "pass", "because": "The house is content."}\n'
WAIVER = """\
waivers:
  - id: W-1
    control: A-CHECKS
    reason: The exporter is being moved.
    owner: build
    approver: ciso
    from: 2026-01-01
    until: 2026-03-01
"""


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    """The whole application with a small catalog, one of whose controls is a Rego rule."""
    catalog, policy = place.catalog({"a.yaml": CONTROLS}), place.policy({"house.rego": HOUSE})
    async with place.application(catalog=catalog, policy=policy) as opened:
        yield opened


@pytest.fixture
async def recorded(door: Door) -> Assessment:
    """Release widget@1.0.0 with an SBOM, tests and a scan, assessed; nothing is said of its checks."""
    for statement in (
        statements.release(),
        statements.provenance(),
        statements.sbom(),
        statements.test_result(),
        statements.vulns(),
    ):
        assert (await door.upload(statement)).status_code == 201
    return await assess(door)


async def assess(door: Door) -> Assessment:
    await door.application.reassessor.sweep()
    return await newest(door.application, door.scope)


def candidate(controls: str = CONTROLS, waivers: str = "") -> Catalog:
    return load_catalog({"a.yaml": controls} | ({"waivers/w.yaml": waivers} if waivers else {}))


def house(application: Application, text: str) -> PolicyBundle:
    return policy_bundle({**application.policy.modules, "house.rego": text}, application.policy.data)


async def ask(  # noqa: PLR0913  one for each thing a test varies
    door: Door,
    *,
    catalog: Catalog | None = None,
    policy: PolicyBundle | None = None,
    at: datetime | None = None,
    held: frozenset[Factor] = frozenset(),
    release: str = "",
    since: timedelta = timedelta(days=1),
) -> dict[str, Flip]:
    """The flips of the one release there is, by control."""
    application = door.application
    now = application.clock.now()
    rules = Rules(catalog or application.catalog, policy or application.policy)
    question = Question(rules, now - since, at or now, held, release)
    replayer = Replayer(application.database, application.rego)
    found = [flips async for flips in replayer.run(door.scope, question)]
    return {flip.control: flip for flips in found for flip in flips}


def told(flips: Mapping[str, Flip]) -> dict[str, tuple[str, str, list[str]]]:
    return {name: (one.before, one.after, ["+".join(each) for each in one.moved]) for name, one in flips.items()}


async def test_what_only_the_question_changes(door: Door, recorded: Assessment) -> None:
    """Nothing is written, so every one of these is asked of the same recorded state."""
    application = door.application
    assert {finding.control: finding.outcome.value for finding in recorded.findings} == {
        "A-SBOM": "pass",
        "A-TESTS": "pass",
        "A-SCAN": "pass",
        "A-CHECKS": "missing",
        "A-HOUSE": "pass",
    }
    # nothing
    assert await ask(door) == {}
    # the catalog; better is no regression
    changed = CONTROLS.replace("where: criticals==0}]", "where: components>=9}]", 1)
    changed = changed.replace("kind: github_checks, where: required==pass", "kind: sbom, where: components>=1")
    flips = await ask(door, catalog=candidate(changed))
    assert told(flips) == {"A-SBOM": ("pass", "fail", ["catalog"]), "A-CHECKS": ("missing", "pass", ["catalog"])}
    assert [flips["A-SBOM"].regression, flips["A-CHECKS"].regression] == [True, False]
    # a control that goes, and one that comes
    flips = await ask(door, catalog=candidate(CONTROLS.replace("id: A-TESTS", "id: B-TESTS")))
    assert told(flips) == {"A-TESTS": ("pass", "absent", ["catalog"]), "B-TESTS": ("absent", "pass", ["catalog"])}
    assert flips["A-TESTS"].regression
    # the policy; one that answers nonsense decides nothing
    strict = house(application, HOUSE.replace('"pass"', '"fail"').replace("content", "not content"))
    flips = await ask(door, policy=strict)
    assert told(flips) == {"A-HOUSE": ("pass", "fail", ["policy"])}
    assert "not content" in flips["A-HOUSE"].now
    flips = await ask(door, policy=house(application, HOUSE.replace('"pass"', '"perhaps"')))
    assert told(flips) == {"A-HOUSE": ("pass", "error", ["policy"])}
    assert flips["A-HOUSE"].regression
    # a waiver of the catalog
    flips = await ask(door, catalog=candidate(waivers=WAIVER))
    assert told(flips) == {"A-CHECKS": ("missing", "waived", ["waiver"])}
    # time
    later = application.clock.now() + timedelta(days=45)
    assert told(await ask(door, at=later)) == {"A-SCAN": ("pass", "stale", ["time"])}
    assert await ask(door, at=later, held=frozenset({Factor.TIME})) == {}
    # three at once, without the policy, which can be left out: waived only with the new waiver, later, on a control
    # that only the new catalog lets fail
    failing = CONTROLS.replace("where: criticals==0}]", "where: components>=9}]", 1)
    late = WAIVER.replace("A-CHECKS", "A-SBOM").replace("2026-01-01", "2026-02-10").replace("2026-03-01", "2026-04-01")
    soon = application.clock.now() + timedelta(days=20)
    flips = await ask(door, catalog=candidate(failing, late), policy=strict, at=soon)
    assert told(flips) == {
        "A-SBOM": ("pass", "waived", ["catalog+waiver+time"]),
        "A-HOUSE": ("pass", "fail", ["policy"]),
    }
    # a policy that does not load is refused before anything is replayed
    with pytest.raises(InvalidSource) as caught:
        await ask(door, policy=house(application, "package house\n\ndecision := {"))
    assert caught.value.faults[0].file == "house.rego"


async def test_evidence_that_arrived_since_is_named(door: Door) -> None:
    await door.upload(statements.sbom(criticals=2))
    flips = await ask(door)
    assert told(flips) == {"A-SBOM": ("pass", "fail", ["evidence"])}
    flip = flips["A-SBOM"]
    assert (flip.release, flip.regression) == ("widget@1.0.0", True)
    assert flip.was.startswith("Passed")
    assert flip.now.startswith("Failed")
    assert await ask(door, held=frozenset({Factor.EVIDENCE})) == {}


async def test_a_body_erased_since_is_evidence_that_moved(door: Door, recorded: Assessment) -> None:
    async with door.application.database.reading(door.scope) as connection:
        owned = await evidence.owned(connection, door.scope, recorded.release, recorded.tree_size)
    (body,) = [one.body_digest for one in owned if one.kind == "test_result"]
    async with door.application.database.tenant(door.scope) as connection:
        await connection.execute("UPDATE body SET content = NULL WHERE digest = $1", bytes.fromhex(body[7:]))
    flips = await ask(door)
    assert told(flips)["A-TESTS"] == ("pass", "missing", ["evidence"])


async def test_an_override_that_was_signed_since_is_named(door: Door) -> None:
    answer = await door.upload(statements.override(control="A-CHECKS", approver="ci", until="2026-02-20T00:00:00Z"))
    assert answer.status_code == 201, answer.text
    assert told(await ask(door)) == {"A-CHECKS": ("missing", "waived", ["waiver"])}
    later = door.application.clock.now() + timedelta(days=21)
    assert "A-CHECKS" not in await ask(door, at=later)  # it is over by then
    assert await ask(door, held=frozenset({Factor.WAIVER})) == {}


async def test_a_newer_trusted_root_is_named(door: Door, recorded: Assessment) -> None:
    async with door.application.database.tenant(door.scope) as connection:
        owned = await evidence.owned(connection, door.scope, recorded.release, recorded.tree_size)
        (leaf,) = [one.leaf_index for one in owned if one.kind == "sbom"]
        check = Recheck(leaf, door.application.clock.now(), Grounds("sha256:r", "sha256:t"), "failed", "expired", "old")
        await rechecks.record(connection, door.scope, [check])
    assert told(await ask(door)) == {"A-SBOM": ("pass", "missing", ["trust root"])}


async def test_what_only_two_explain_together_is_named_so(door: Door) -> None:
    await door.upload(statements.sbom(highs=3))
    stricter = CONTROLS.replace("where: criticals==0}]", "where: criticals==0 && highs==0}]", 1)
    assert told(await ask(door, catalog=candidate(stricter))) == {"A-SBOM": ("pass", "fail", ["evidence+catalog"])}


async def test_what_each_of_two_explains_names_both(door: Door) -> None:
    await door.upload(statements.sbom(criticals=3))
    stricter = CONTROLS.replace("where: criticals==0}]", "where: criticals==0 && components>=9}]", 1)
    flips = await ask(door, catalog=candidate(stricter))
    assert told(flips) == {"A-SBOM": ("pass", "fail", ["evidence", "catalog"])}


async def test_a_recorded_verdict_its_inputs_no_longer_give_is_the_softwares_doing(
    door: Door, recorded: Assessment
) -> None:
    await keep(door, replace(recorded, findings=altered(recorded, "A-TESTS", Outcome.FAIL)))
    assert told(await ask(door)) == {"A-TESTS": ("fail", "pass", ["software"])}
    changed = CONTROLS.replace("result==passed", "result==failed")
    await keep(door, replace(recorded, findings=altered(recorded, "A-TESTS", Outcome.STALE)))
    flips = await ask(door, catalog=candidate(changed))
    assert told(flips) == {"A-TESTS": ("stale", "fail", ["catalog+software"])}


async def test_recorded_rules_that_cannot_be_had_are_said_and_stop_nothing(door: Door, recorded: Assessment) -> None:
    async with door.application.database.tenant(door.scope) as connection:
        await catalogs.keep_catalog(connection, "sha256:broken", {"a.yaml": "id: ["}, "", recorded.evaluated_at)
    await keep(door, replace(recorded, catalog_digest="sha256:broken"))
    await door.upload(statements.sbom(criticals=2))
    flips = await ask(door)
    assert told(flips) == {"A-SBOM": ("pass", "fail", [])}
    assert "invalid_source" in flips["A-SBOM"].note


async def test_only_what_was_assessed_since_is_replayed(door: Door) -> None:
    await door.upload(statements.sbom(criticals=2))
    assert await ask(door, since=timedelta(0)) == {}
    assert set(await ask(door, release="widget@1.0.0")) == {"A-SBOM"}
    with pytest.raises(NotFound):
        await ask(door, release="gadget")


async def test_every_release_is_replayed_and_nothing_is_written(door: Door) -> None:
    for number in range(2, 6):
        digest = f"sha256:{number:064x}"
        await door.upload(statements.release(digest, version=f"{number}.0.0"))
        await door.upload(statements.sbom(digest))
    await door.application.reassessor.sweep()
    before = await rows(door)
    stricter = candidate(CONTROLS.replace("where: criticals==0}]", "where: components>=9}]", 1))
    application = door.application
    seen: list[int] = []
    now = application.clock.now()
    question = Question(Rules(stricter, application.policy), now - timedelta(days=1), now)
    replayer = Replayer(application.database, application.rego)
    found = [flips async for flips in replayer.run(door.scope, question, seen.append)]
    assert [flips[0].release for flips in found] == [f"widget@{number}.0.0" for number in range(1, 6)]
    assert sum(seen) == await replayer.count(door.scope, question) == 5
    assert await rows(door) == before


async def rows(door: Door) -> list[Any]:
    async with door.application.database.reading(door.scope) as connection:
        return [
            await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608  names from the list below
            for table in ("assessment", "evidence", "catalog_version", "policy_version", "due", "decision")
        ]


async def keep(door: Door, assessment: Assessment) -> None:
    """Record an assessment as the newest."""
    async with door.application.database.tenant(door.scope) as connection:
        await assessments.save(connection, door.scope, replace(assessment, evaluated_at=door.application.clock.now()))


def altered(recorded: Assessment, control: str, outcome: Outcome) -> tuple[Any, ...]:
    return tuple(
        replace(one, outcome=outcome, raw=outcome) if one.control == control else one for one in recorded.findings
    )
