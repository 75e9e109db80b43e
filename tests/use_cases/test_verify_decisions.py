"""Packs with decisions: each is recomputed from the bytes enclosed; nothing else may be listed or printed of it."""

import base64
import copy
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from evidence_api.domain.decisions.reperforming import Difference, Reperformance, Status
from evidence_api.domain.errors import PackRejected
from evidence_api.domain.pack import PackContents, PackedEvidence, Redaction
from evidence_api.domain.pack_report import PackReport, StepResult
from evidence_api.domain.verdict import Outcome
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.pdf_reading import read_pages
from evidence_api.engines.rego import RegoPool
from evidence_api.formats import predicates
from evidence_api.formats.pack_decisions import decisions_document
from evidence_api.formats.pack_pages.document import document
from evidence_api.formats.pack_printed import check_printed, squeeze
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import decided, statements
from tests.support.packs import SOURCES, PackWorld, build_world, default_statements

_CONTROLS = """\
id: IG-AGT-1
title: Rollout gates come out again
fix: Compute the gate from the counts it names.
query:
  - kind: rollout
    where: disagreements == 0
---
id: IG-AGT-2
title: Drift is watched
query:
  - kind: drift
    where: reperformance == agrees && psi < 0.1
"""
CATALOG: Mapping[str, str] = {**SOURCES, "internal/agents.yaml": _CONTROLS}


@dataclass(frozen=True)
class Stage:
    """Leaves 7 to 10: a gate that agrees, one that does not, a drift that agrees, a trust update nobody checked yet."""

    rego: RegoPool
    renderer: PdfRenderer
    world: PackWorld
    pdf: bytes

    async def report(self, content: bytes) -> PackReport:
        return await verify_pack(content, rego=self.rego)

    async def codes(self, content: bytes) -> tuple[str, ...]:
        return (await self.report(content)).codes


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with RegoPool(workers=1, timeout=20) as rego:
        made = [
            decided.rollout(),
            decided.rollout(2900, stage=0.5, action="promote", verdict="accept"),
            decided.drift(),
            decided.trust(),
        ]
        world, renderer = await build_world(rego, [*default_statements(), *made], CATALOG), PdfRenderer()
        yield Stage(rego, renderer, world, await world.pdf(renderer))


async def test_both_forms_verify_and_say_how_many_agree(stage: Stage) -> None:
    findings = {one.control: one for one in stage.world.contents.assessment.findings}
    assert (findings["IG-AGT-1"].outcome, findings["IG-AGT-2"].outcome) == (Outcome.FAIL, Outcome.PASS)
    report = await stage.report(stage.world.json())
    assert report.ok
    assert report.steps[9].detail == (
        "3 of 4 decisions recomputed: 2 agree, 1 disagrees as recorded; 1 not yet checked by the server"
    )
    assert (await stage.report(stage.pdf)).ok
    text = squeeze("".join(read_pages(stage.pdf)))
    assert squeeze("action is claimed as promote and comes to rollback") in text
    assert squeeze("Annex E: decisions recomputed 3 of 4 decisions recomputed: 2 agree") in text
    # on the card of the control, and in the annex
    assert text.count(squeeze("verdict is claimed as accept and comes to reject")) == 2


async def test_what_was_kept_before_anybody_read_it_stays_a_statement(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a log that holds decisions from before they had a reader, nor packs of it, become invalid."""
    nonsense = statements.statement("urn:evidence-api:drift-watch:v1", statements.ARTIFACT, {"psi": "some"})
    with monkeypatch.context() as before:
        for one in ("drift-watch", "rollout-gate"):
            before.delitem(predicates.READERS, f"urn:evidence-api:{one}:v1")
        world = await build_world(stage.rego, [*default_statements(), decided.rollout(), nonsense], CATALOG)
    assert [item.evidence.kind for item in world.contents.evidence[7:]] == ["statement", "statement"]
    assert await stage.codes(world.json()) == ()
    told = replace(world.contents.evidence[7].evidence, kind="rollout")
    forged = replace(
        world.contents, evidence=(*world.contents.evidence[:7], replace(world.contents.evidence[7], evidence=told))
    )
    assert "leaf" in " ".join(await stage.codes(world.json(forged)))


async def test_what_was_read_cannot_be_called_a_statement_afterwards(stage: Stage) -> None:
    """It would hide a decision that disagrees: the leaf says what it was."""
    item = stage.world.contents.evidence[8]
    record = replace(
        item.evidence,
        kind="statement",
        facts={"predicate_type": item.evidence.predicate_type},
        series=item.evidence.predicate_type,
        effective=None,
    )
    evidence = tuple(replace(one, evidence=record) if one is item else one for one in stage.world.contents.evidence)
    assert "leaf" in " ".join(await stage.codes(stage.world.json(replace(stage.world.contents, evidence=evidence))))


async def test_the_json_lists_them_with_their_differences(stage: Stage) -> None:
    listed = stage.world.index()["decisions"]
    assert [(one["kind"], one["method"], one["status"]) for one in listed] == [
        ("rollout-gate", "wald", "AGREES"),
        ("rollout-gate", "wald", "DISAGREES"),
        ("drift-watch", "", "AGREES"),
        ("trust-update", "", "PENDING"),
    ]
    assert [one["path"] for one in listed[1]["differences"]] == ["action", "verdict"]
    assert listed[1]["reason"].endswith(listed[1]["explanation"])


async def test_what_the_server_found_of_a_deferred_decision_counts(stage: Stage) -> None:
    """Where the ledger stood is the word of the server's signed statement; an erased one says nothing."""
    signer = EnvelopeSigner.generate("ed25519", "ci")
    documents = [*default_statements(), decided.drift(), decided.trust()]
    first = await build_world(stage.rego, documents, ci=signer)
    difference = Difference("prior", {"a": 1, "b": 1}, {"a": 4, "b": 2})
    result = Reperformance(
        Status.DISAGREES, "prior is not where the ledger stood", (difference,), facts={"reperformance": "disagrees"}
    )
    found = decided.found_by_the_server(first.contents.evidence[8].evidence, result)
    world = await build_world(stage.rego, [*documents, found], ci=signer)
    trust = world.index()["decisions"][1]
    assert (trust["kind"], trust["status"], trust["reason"]) == ("trust-update", "DISAGREES", result.reason)
    assert trust["differences"] == [{"path": "prior", "claimed": {"a": 1, "b": 1}, "recomputed": {"a": 4, "b": 2}}]
    assert trust["checkedBy"] == world.contents.evidence[9].evidence.id
    assert await stage.codes(world.json()) == ()
    index = copy.deepcopy(world.index())
    index["decisions"][1]["differences"][0]["recomputed"]["a"] = 1
    assert await stage.codes(world.signed_json(index, world.files())) == ("decision_differences",)
    statement = world.contents.evidence[9]
    copy_alone = replace(statement, body=None, redaction=Redaction(payload_of(statement), ("x: y (z)",), ()))
    told = decisions_document(replace(world.contents, evidence=(*world.contents.evidence[:9], copy_alone)))
    assert told == world.index()["decisions"]  # what may leave of the statement still says it
    left_out = replace(world.contents, evidence=world.contents.evidence[:9])
    assert decisions_document(left_out)[1]["status"] == "PENDING"
    content = world.signed_json(
        {**world.index(left_out), "decisions": world.index()["decisions"]}, world.files(left_out)
    )
    assert await stage.codes(content) == ("decision_status",)
    erased = await build_world(stage.rego, [*documents, found], ci=signer, erased=[9])
    assert erased.index()["decisions"][1]["status"] == "PENDING"
    assert await stage.codes(erased.json()) == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda found: found[1].update(status="AGREES"), "decision_status"),
        (lambda found: found[3].update(status="AGREES"), "decision_status"),
        (lambda found: found[1]["differences"].pop(), "decision_differences"),
        (lambda found: found[1]["differences"][0].update(recomputed="hold"), "decision_differences"),
        (lambda found: found[1]["differences"][0].update(claimed="hold"), "decision_differences"),
        (lambda found: found[1].update(differences=[]), "decision_differences"),
        (lambda found: found[0].update(explanation="the canary is fine"), "decision_detail"),
        (lambda found: found[1].update(reason="rounding"), "decision_detail"),
        (lambda found: found[0].update(checkedBy="sha256:" + "0" * 64), "decision_detail"),
        (lambda found: found.pop(1), "decisions"),
        (lambda found: found.append(found[0]), "decisions"),
        (lambda found: found[1].update(note="x"), "decisions"),
        (lambda found: found.reverse(), "decision_status"),
    ],
)
async def test_whatever_is_changed_of_them_is_found(
    stage: Stage, change: Callable[[list[dict[str, Any]]], object], code: str
) -> None:
    index = copy.deepcopy(stage.world.index())
    change(index["decisions"])
    content = stage.world.signed_json(index, stage.world.files())
    assert await stage.codes(content) == (code,)


async def test_a_list_left_out_is_missed_and_one_too_many_is_seen(stage: Stage) -> None:
    index = stage.world.index()
    del index["decisions"]
    assert await stage.codes(stage.world.signed_json(index, stage.world.files())) == ("decisions",)
    plain = await build_world(stage.rego)
    report = await stage.report(plain.json())
    assert report.ok
    assert report.steps[9].result is StepResult.NOT_APPLICABLE
    index = plain.index()
    del index["decisions"]  # as packs were before
    assert await stage.codes(plain.signed_json(index, plain.files())) == ()
    index["decisions"] = stage.world.index()["decisions"]
    assert await stage.codes(plain.signed_json(index, plain.files())) == ("decisions",)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("action is claimed as promote and comes to rollback", "action is claimed as hold and comes to rollback"),
        ("1 disagrees as recorded", "0 disagree as recorded"),
        ("×Disagrees", "✓Agrees"),  # noqa: RUF001  the sign for a failure
        ("log-likelihood ratio \N{MINUS SIGN}58.17", "log-likelihood ratio 58.17"),
        ("over 3 bins: none", "over 3 bins: major"),
    ],
)
async def test_the_pages_may_say_nothing_else(stage: Stage, said: str, instead: str) -> None:
    pages = [squeeze(page) for page in read_pages(stage.pdf)]
    assert check_printed(stage.world.contents, pages) == 6
    text = "|".join(pages)
    starts = [found.start() for found in re.finditer(re.escape(squeeze(said)), text)]
    assert starts
    for start in starts:  # on the card, and in the annex
        forged = text[:start] + squeeze(instead) + text[start + len(squeeze(said)) :]
        with pytest.raises(PackRejected) as caught:
            check_printed(stage.world.contents, forged.split("|"))
        assert caught.value.code == "printed"


async def test_a_page_made_to_say_otherwise_is_refused(stage: Stage) -> None:
    page = document(stage.world.contents, signer=stage.world.key.fingerprint)
    said = "</b> Disagrees</span>"
    assert page.count(said) == 2
    forged = await stage.world.pdf(stage.renderer, page=page.replace(said, "</b> Agrees</span>"))
    assert await stage.codes(forged) == ("printed",)


async def test_last_digits_of_another_machine_are_no_difference(stage: Stage) -> None:
    contents = stage.world.contents
    assert await stage.codes(stage.world.json(_facts_moved(contents, 1e-12))) == ()
    assert "evidence_facts" in await stage.codes(stage.world.json(_facts_moved(contents, 1e-3)))


async def test_a_sentence_whose_number_rounds_otherwise_elsewhere_is_the_same(stage: Stage) -> None:
    """Index and pages of a pack agree with each other; the machine that verifies shows another last digit."""
    index = _rounded(stage, "58.18")
    page = document(stage.world.contents, signer=stage.world.key.fingerprint)
    assert page.count("58.17") >= 2  # on the card, and in the annex
    assert (
        await stage.codes(await stage.world.pdf(stage.renderer, page=page.replace("58.17", "58.18"), index=index)) == ()
    )
    # the pages say what the index says, and that what is found here
    pages = [squeeze(page) for page in read_pages(stage.pdf)]
    assert check_printed(stage.world.contents, pages, None, stage.world.index()["decisions"]) == 6
    for listed in (index, _rounded(stage, "58.19")):
        moved = [page.replace("58.17", "58.19") for page in pages]
        with pytest.raises(PackRejected):
            check_printed(stage.world.contents, moved, None, listed["decisions"])
    far = _rounded(stage, "58.19")
    assert await stage.codes(stage.world.signed_json(far, stage.world.files())) == ("decision_detail",)


def payload_of(item: PackedEvidence) -> bytes:
    """The signed document in an envelope."""
    assert item.body is not None
    return base64.b64decode(orjson.loads(item.body)["payload"])


def _rounded(stage: Stage, instead: str) -> dict[str, Any]:
    """The index of a machine to which the log-likelihood ratio, -58.17 here, comes out otherwise."""
    index = copy.deepcopy(stage.world.index())
    told = index["decisions"][1]
    assert "58.17" in told["explanation"]
    told.update({name: told[name].replace("58.17", instead) for name in ("explanation", "reason")})
    return index


def _facts_moved(contents: PackContents, by: float) -> PackContents:
    """The contents as a machine would have recorded them that computes a little otherwise."""

    def moved(item: PackedEvidence) -> PackedEvidence:
        psi = item.evidence.facts.get("psi")
        if not isinstance(psi, float):
            return item
        return replace(item, evidence=replace(item.evidence, facts={**item.evidence.facts, "psi": psi + by}))

    return replace(contents, evidence=tuple(map(moved, contents.evidence)))


def test_the_index_is_json(stage: Stage) -> None:
    assert orjson.loads(orjson.dumps(stage.world.index()["decisions"])) == stage.world.index()["decisions"]
