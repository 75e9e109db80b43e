"""Packs with overrides verify; whatever is changed of an override, or of what is listed or printed of it, is caught."""

import copy
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from evidence_api.domain.facts import rows_of
from evidence_api.domain.pack import PackContents, PackedEvidence
from evidence_api.domain.verdict import Finding, Outcome
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.pdf_reading import read_pages
from evidence_api.engines.rego import RegoPool, policy_bundle
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.pack_pages.document import document
from evidence_api.formats.pack_printed import squeeze
from evidence_api.use_cases.evaluate import assess_release
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import statements
from tests.support.packs import AT, POLICY, SOURCES, PackWorld, build_world, default_statements

OVERRIDE = 7  # its leaf: after the seven statements there always are
EARLY = {**SOURCES, "waivers/waivers.yaml": SOURCES["waivers/waivers.yaml"].replace("2026-04-01", "2026-03-20")}


@dataclass(frozen=True)
class Stage:
    """One world with an override of the control whose scan is too old."""

    rego: RegoPool
    renderer: PdfRenderer
    world: PackWorld

    @property
    def finding(self) -> Finding:
        return next(one for one in self.world.contents.assessment.findings if one.control == "IG-VUL-1")

    async def codes(self, content: bytes) -> tuple[str, ...]:
        return (await verify_pack(content, rego=self.rego)).codes


def override(**change: Any) -> statements.Statement:  # noqa: ANN401  members of an override
    told = {"control": "IG-VUL-1", "until": "2026-05-01T08:30:00Z", "approver": "ciso@example.com", **change}
    return statements.override(**told)


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with RegoPool(workers=1, timeout=20) as rego:
        yield Stage(rego, PdfRenderer(), await build_world(rego, [*default_statements(), override()]))


async def test_a_pack_with_an_override_verifies_in_both_forms(stage: Stage) -> None:
    found = stage.finding
    assert (found.outcome, found.raw) == (Outcome.WAIVED, Outcome.STALE)
    assert await stage.codes(stage.world.json()) == ()
    pdf = await stage.world.pdf(stage.renderer)
    assert await stage.codes(pdf) == ()
    text = squeeze("".join(read_pages(pdf)))
    assert squeeze("Approved by ciso@example.com until 2026-05-01T08:30:00Z. Only in the test image.") in text
    short = found.waiver[7:19]
    assert (
        squeeze(
            f"Override {short} owner o.wner, requester r.equester, approver ciso@example.com, "
            "in force from 2026-01-01 until 2026-05-01T08:30:00Z; without it: stale"
        )
        in text
    )


def test_the_index_lists_every_waiver_of_the_release(stage: Stage) -> None:
    listed = {one["id"]: one for one in stage.world.index()["waivers"]}
    assert listed["W-1"] == {
        "id": "W-1",
        "control": "IG-MRG-1",
        "reason": "The check runner is down until the move is over.",
        "owner": "platform",
        "requester": "",
        "approver": "ciso@example.com",
        "scope": "",
        "from": "2026-02-01T00:00:00Z",
        "until": "2026-04-02T00:00:00Z",
        "evidence": None,
        "applied": True,
    }
    signed = listed[stage.finding.waiver]
    assert (signed["evidence"], signed["requester"], signed["applied"]) == (stage.finding.waiver, "r.equester", True)
    assert signed["until"] == "2026-05-01T08:30:00Z"
    assert len(listed) == 2


def _changed(world: PackWorld, change: Callable[[PackedEvidence], PackedEvidence]) -> PackContents:
    items = list(world.contents.evidence)
    items[OVERRIDE] = change(items[OVERRIDE])
    return replace(world.contents, evidence=tuple(items))


@pytest.mark.parametrize("place", range(0, 1200, 75))
async def test_every_flipped_byte_of_an_override_is_caught(stage: Stage, place: int) -> None:
    def flip(item: PackedEvidence) -> PackedEvidence:
        assert item.body is not None
        at = place % len(item.body)
        return replace(item, body=item.body[:at] + bytes([item.body[at] ^ 1]) + item.body[at + 1 :])

    assert "body_digest" in await stage.codes(stage.world.json(_changed(stage.world, flip)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"facts": {"until": "2027-05-01T08:30:00Z"}}, "evidence_facts"),
        ({"facts": {"control": "IG-MRG-1"}}, "evidence_facts"),
        ({"kind": "action"}, "evidence_facts"),
        ({"erased": True}, "verdict_outcome"),
    ],
)
async def test_what_is_recorded_of_an_override_follows_from_its_bytes(
    stage: Stage, change: dict[str, Any], code: str
) -> None:
    def alter(item: PackedEvidence) -> PackedEvidence:
        told = dict(change)
        if "facts" in told:
            told["facts"] = {**item.evidence.facts, **told["facts"]}
        body = None if told.get("erased") else item.body
        return replace(item, body=body, evidence=replace(item.evidence, **told))

    assert code in await stage.codes(stage.world.json(_changed(stage.world, alter)))


@pytest.mark.parametrize("change", [{"approver": "a.smith"}, {"until": "2026-06-01T00:00:00Z"}, {"applied": False}])
async def test_the_waivers_listed_are_those_of_the_evidence(stage: Stage, change: dict[str, Any]) -> None:
    index = copy.deepcopy(stage.world.index())
    index["waivers"][-1].update(change)
    assert await stage.codes(stage.world.signed_json(index, stage.world.files())) == ("waivers",)
    del index["waivers"]
    assert await stage.codes(stage.world.signed_json(index, stage.world.files())) == ("waivers",)


async def test_an_override_that_ended_no_longer_waives_and_still_verifies(stage: Stage) -> None:
    world = await build_world(stage.rego, [*default_statements(), override(until=AT.strftime("%Y-%m-%dT%H:%M:%SZ"))])
    (found,) = (one for one in world.contents.assessment.findings if one.control == "IG-VUL-1")
    assert found.outcome is Outcome.STALE
    assert "ended on 2026-03-01T12:00:00Z and no longer counts" in found.because
    assert await stage.codes(world.json()) == ()
    assert [one["applied"] for one in world.index()["waivers"]] == [True, False]


async def test_an_override_of_a_control_the_catalog_lacks_is_a_note(stage: Stage) -> None:
    world = await build_world(stage.rego, [*default_statements(), override(control="IG-OTHER")])
    report = await verify_pack(world.json(), rego=stage.rego)
    assert report.ok
    assert report.summary is not None
    (note,) = report.summary.notes
    assert note.endswith("is of IG-OTHER, a control this catalog does not hold.")


async def _of_derivation_1(stage: Stage, sources: Mapping[str, str] = EARLY) -> tuple[PackWorld, PackContents]:
    """As packs were when waivers did not yet say that their end is near."""
    world = await build_world(stage.rego, sources=sources)
    contents = world.contents
    first = await assess_release(
        stage.rego,
        contents.catalog,
        policy_bundle(POLICY),
        contents.release,
        rows_of(contents.release, [item.evidence for item in contents.evidence]),
        tree_size=contents.assessment.tree_size,
        at=AT,
        derivation=1,
    )
    assert first != contents.assessment
    return world, replace(contents, assessment=first, derivation=1, rego=compile_catalog(contents.catalog, 1))


async def test_a_pack_of_before_still_verifies_word_for_word(stage: Stage) -> None:
    world, contents = await _of_derivation_1(stage)
    index = world.index(contents)
    del index["waivers"]
    assert index["derivation"] == 1
    assert await stage.codes(world.signed_json(index, world.files(contents))) == ()
    listed = {**index, "waivers": [{"id": "W-9", "approver": "nobody"}]}  # nobody would check it
    assert await stage.codes(world.signed_json(listed, world.files(contents))) == ("waivers",)
    index["derivation"] = 2
    assert await stage.codes(world.signed_json(index, world.files(contents))) == ("catalog_rego",)
    said = replace(
        contents, assessment=replace(contents.assessment, policy_digest=world.contents.assessment.policy_digest)
    )
    index = world.index(replace(said, derivation=2, rego=world.contents.rego))
    files = world.files(replace(said, derivation=2, rego=world.contents.rego))
    assert "verdict_because" in await stage.codes(world.signed_json(index, files))
    assert "within 30 days" in orjson.dumps(world.index()["assessment"]).decode()


async def test_a_pack_of_today_that_calls_itself_one_of_before_is_told_apart(stage: Stage) -> None:
    """Test results state no time. Then that made a failed one too old to count; today it fails."""
    asked = "result == passed\n    per: occurrence\n"
    fresh = EARLY["internal/controls.yaml"].replace(asked, "result == failed\n    fresh: {max_age: P30D}\n")
    world, contents = await _of_derivation_1(stage, {**EARLY, "internal/controls.yaml": fresh})
    index = world.index(contents)
    del index["waivers"]
    report = await verify_pack(world.signed_json(index, world.files(contents)), rego=stage.rego)
    assert report.ok
    assert report.steps[6].detail.endswith("; by derivation 1, which is not today's: today IG-TST-1 would differ")


async def test_a_pdf_of_before_still_verifies(stage: Stage) -> None:
    world, contents = await _of_derivation_1(stage)
    index = world.index(contents)
    del index["waivers"]
    page = document(contents, signer=world.key.fingerprint).replace("Approved by", "Accepted by")
    pdf = await world.pdf(stage.renderer, contents, page=page, index=index)
    assert await stage.codes(pdf) == ()
