"""Policy fuzzing: nothing is found in the policies shipped, and what is planted in a copy of them is found."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import pytest_asyncio

from evidence_api.domain.errors import InvalidSource
from evidence_api.engines.files import shipped
from evidence_api.engines.rego import RegoPool
from evidence_api.use_cases.policies import read_policy
from evidence_api.use_cases.policy_areas import chosen, read_areas, with_settings
from evidence_api.use_cases.policy_fuzz import Asker, Finding, Hunt, Plan, fuzz

FILES = read_policy(shipped("policy"))
AREAS = tuple(area.name for area in read_areas(FILES))


@dataclass(frozen=True)
class Planted:
    """A bug: in this file, this text becomes that; `seen` is what the invariant says of an input that gets past."""

    area: str
    file: str
    text: str
    becomes: str
    seen: str

    def files(self) -> Mapping[str, str]:
        assert FILES[self.file].count(self.text) == 1
        return {**FILES, self.file: FILES[self.file].replace(self.text, self.becomes)}


def planted(area: str, text: str, becomes: str, seen: str, *, module: str = "") -> Planted:
    folder = module or area
    return Planted(area, f"{folder}/{folder}.rego", text, becomes, seen)


BUGS = {
    "a path is compared as it is": planted(
        "write_paths", "inside if {\n\tplain\n", "inside if {\n\tis_string(path)\n", "a path that leaves its folder"
    ),
    "a folder without its end": planted(
        "write_paths",
        'startswith(path, sprintf("%s/", [trim_right(folder, "/")]))',
        'startswith(path, trim_right(folder, "/"))',
        "not below any",
    ),
    "only one action is a way to write": planted(
        "write_paths",
        'not action in object.get(settings, "harmless", ["read"])',
        'action == "write"',
        "not below any",
    ),
    "a cap that is one too high": planted("model_call", "tokens > cap", "tokens > cap + 1", "more tokens"),
    "amounts below nothing": planted(
        "model_call",
        "amount(value) if shape.number_within(value, 0,",
        "amount(value) if shape.number_within(value, -9,",
        "an amount below nothing",
    ),
    "limits of a tenant that is not named": planted(
        "model_call", "count(tenants) > 0", "count(tenants) > 9", "whose limits"
    ),
    "a bucket without a token is not heeded": planted(
        "model_call", "input.bucket.granted == false", 'input.bucket.granted == "no"', "beyond what its bucket held"
    ),
    "a bucket need not be asked": planted(
        "model_call", "\tname in object.keys(buckets)", '\tname == "none"', "of which no bucket was asked"
    ),
    "a spent budget is not heeded": planted(
        "model_call", 'level == "exceeded100"', 'level == "warn80"', "out of a budget that is spent"
    ),
    "failed checks are let in": planted(
        "admission", '\tstatus == "failed"\n', '\tstatus == "broken"\n', "a check did not hold"
    ),
    "an unsupported release": planted(
        "admission",
        'status in statuses\n\tstatus != "verified"',
        'status == "unsigned"',
        "a release that is not verified",
    ),
    "an uploader passes on what others signed": planted(
        "admission", "\tnot same_party\n", "\tfalse\n", "uploaded by a job of another"
    ),
    "a bound key signs anything": planted(
        "admission", 'signer_type == "key"\n\tsome rule', 'signer_type == "keys"\n\tsome rule', "a key bound"
    ),
    "an absent claim fits": planted(
        "exchange", '\tgot != ""\n\tmatches(', "\tmatches(", "no rule about CI jobs", module="trust"
    ),
    "forks are taken": planted(
        "exchange", '"claim": "fork", "value": "true"', '"claim": "fork", "value": "yes"', "no rule", module="trust"
    ),
    "a tenant is not compared": planted(
        "authorisation", "input.resource.tenant == principal.tenant", "input.resource", "another tenant"
    ),
    "uploaders do more": planted("authorisation", 'action == "evidence:write"', "known", "else than upload"),
    "a region that begins alike": planted(
        "residency", 'startswith(region, sprintf("%s-", [allowed]))', "startswith(region, allowed)", "elsewhere"
    ),
    "a country in small letters": planted(
        "residency", "country := upper(input.country)", "country := input.country", "elsewhere"
    ),
    "names are compared as they are": planted(
        "dependencies",
        "trust.matches(folded(pattern), folded(candidate))",
        "trust.matches(pattern, candidate)",
        "that is denied",
    ),
    "an age that is one day too low": planted("dependencies", "age < least_age\n", "age < least_age - 1\n", "too new"),
    "a vulnerability one worse": planted("dependencies", "> ranks[borne]", "> ranks[borne] + 1", "does not bear"),
    "one of several licences": planted(
        "dependencies", "every part in parts {", "some part in parts; every _ in [1] {", "a licence"
    ),
    "reviews by anybody": planted(
        "marketplace", "review.reviewer in reviewers", "count(reviewers) > 0", "fewer people"
    ),
    "an old approval before a new rejection": planted(
        "marketplace", "\treview.age_days == newest\n", '\treview.verdict == "approve"\n\tnewest >= 0\n', "rejects it"
    ),
    "risk beyond the threshold": planted("marketplace", "score > max_score\n", "score > max_score + 10\n", "risk"),
    "a stage is skipped": planted("rollout", "place[stage] > reached + 1", "place[stage] > reached + 2", "a stage"),
    "one percent more": planted("rollout", "percent > most[stage]\n", "percent > most[stage] + 1\n", "more users"),
    "one approval too few": planted(
        "rollout", "count(approvers) < needed", "count(approvers) < needed - 1", "too few people"
    ),
    "a metric the other way round": planted(
        "rollout", "metric.control - metric.canary", "metric.canary - metric.control", "breached"
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rego() -> AsyncIterator[RegoPool]:
    async with RegoPool() as pool:
        yield pool


async def hunt(rego: RegoPool, files: Mapping[str, str], area: str, plan: Plan) -> Hunt:
    (one,) = chosen(read_areas(files), (area,))
    return await fuzz(rego, one, plan)


@pytest.mark.parametrize("area", AREAS)
async def test_nothing_is_found_in_what_is_shipped(rego: RegoPool, area: str) -> None:
    told = await hunt(rego, FILES, area, Plan(800, seed=4))
    assert told.findings == ()
    assert told.asked == 800
    assert told.allowed > 5  # a hunt in which nothing is allowed finds no bypass either
    assert told.rules


async def test_a_find_is_small_and_can_be_asked_again(rego: RegoPool) -> None:
    one = BUGS["a cap that is one too high"]
    (finding,) = (await hunt(rego, one.files(), one.area, Plan(10_000, seed=1, enough=1))).findings
    (area,) = chosen(read_areas(one.files()), (one.area,))
    settings: Any = area.settings if finding.settings is None else finding.settings
    assert finding.input["tokens"] == settings["tokens_per_call"] + 1
    assert len(finding.input) <= 5
    (again,) = await Asker(rego, area, finding.settings).ask([finding.input])
    assert isinstance(again, Finding)
    assert again.reasons == finding.reasons
    with_data = with_settings(area.bundle, one.area, settings)
    asked = orjson.dumps(finding.input)
    answer = await rego.evaluate(with_data, f"data.evidence.policy.{one.area}.decision", asked)
    assert orjson.loads(answer or b"")["allow"] is True


async def test_the_same_seed_hunts_the_same_way(rego: RegoPool) -> None:
    files = BUGS["a folder without its end"].files()
    hunts = [await hunt(rego, files, "write_paths", Plan(2000, seed=9)) for _ in range(2)]
    assert hunts[0] == hunts[1]
    assert hunts[0].findings


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("decision := 1 if input.path", "undefined"),
        ('decision := {"allow": true}', "odd"),
        ('decision := {"allow": false, "rules": [], "reasons": []}', "odd"),
        ('decision := {"allow": false, "rules": ["other.rule"], "reasons": ["no"]}', "odd"),
        ("decision := 1 / 0", "failed"),
    ],
)
async def test_an_answer_that_is_none_is_found(rego: RegoPool, rule: str, kind: str) -> None:
    files = {
        "a/a.rego": f"package evidence.policy.a\n\n{rule}\n",
        "a/input.schema.json": '{"type": "object", "properties": {"path": {"type": "string"}}}',
    }
    told = await hunt(rego, files, "a", Plan(300, seed=1))
    assert kind in {finding.kind for finding in told.findings}


async def test_an_area_that_there_is_not_is_named() -> None:
    with pytest.raises(InvalidSource, match="no area nothing"):
        chosen(read_areas(FILES), ("nothing",))
    with pytest.raises(InvalidSource):
        read_areas({**FILES, "rollout/input.schema.json": "[1"})
    with pytest.raises(InvalidSource):
        read_areas({**FILES, "rollout/input.schema.json": "[1]"})


@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
async def test_nothing_is_found_in_what_is_shipped_in_many(rego: RegoPool, area: str) -> None:
    for seed in range(3):
        assert (await hunt(rego, FILES, area, Plan(10_000, seed=seed))).findings == ()


# One of each area in every run.
QUICK = {
    "a path is compared as it is", "a folder without its end", "a cap that is one too high", "an unsupported release",
    "a tenant is not compared", "a region that begins alike", "one of several licences", "reviews by anybody",
    "a stage is skipped",
}  # fmt: skip


@pytest.mark.parametrize("bug", [bug if bug in QUICK else pytest.param(bug, marks=pytest.mark.slow) for bug in BUGS])
async def test_a_planted_bug_is_found(rego: RegoPool, bug: str) -> None:
    one = BUGS[bug]
    told = await hunt(rego, one.files(), one.area, Plan(10_000, seed=4, enough=1))
    (finding,) = told.findings
    assert finding.kind == "bypass"
    assert one.seen in " ".join(finding.reasons)
