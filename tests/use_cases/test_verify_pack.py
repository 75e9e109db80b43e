"""A good pack verifies; every damage is refused with its code, whoever made it, the pack's own signer included."""

import copy
import os
import random
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
import pytest
from packaging.requirements import Requirement

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.merkle import Frontier, grow, leaf_hash
from evidence_api.domain.pack import Artifact, PackContents, PackedEvidence, PackedIdentity, PackedKey, PackedTrust
from evidence_api.domain.pack_report import StepResult
from evidence_api.domain.verdict import Outcome
from evidence_api.domain.verification import Unsupported
from evidence_api.engines.keys import EnvelopeSigner, NoteSigner
from evidence_api.engines.pack_key import generate_pack_key
from evidence_api.engines.pades import sign_pdf
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.rego import RegoPool
from evidence_api.engines.sigstore import FORMERLY_UNSUPPORTED
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.checkpoint import NoteVerifier
from evidence_api.formats.pack import encode
from evidence_api.formats.pack_file import signed_message
from evidence_api.formats.pack_pages.document import document
from evidence_api.use_cases.append import signed_checkpoint
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import statements
from tests.support.packs import AT, ORIGIN, SOURCES, PackWorld, build_world, default_statements
from tests.support.sigstore_authorities import IDENTITY, ISSUER
from tests.support.sigstore_entries import by_certificate, intoto_v1, sha256
from tests.support.sigstore_factory import Sigstore

ROOT = Path(__file__).resolve().parents[2]
Damage = Callable[[PackWorld], PackContents]
IndexDamage = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Stage:
    """One world and its PDF, built once for all tests of this file."""

    rego: RegoPool
    renderer: PdfRenderer
    world: PackWorld
    pdf: bytes


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with RegoPool(workers=1, timeout=20) as rego:
        world, renderer = await build_world(rego), PdfRenderer()
        yield Stage(rego, renderer, world, await world.pdf(renderer))


async def codes_of(stage: Stage, content: bytes, pinned: str | None = None) -> tuple[str, ...]:
    report = await verify_pack(content, rego=stage.rego, pinned_key=pinned)
    assert report.ok is (not report.codes)
    return report.codes


# --- what is good


async def test_a_pdf_pack_verifies_in_every_step(stage: Stage) -> None:
    report = await verify_pack(stage.pdf, rego=stage.rego, pinned_key=stage.world.key.fingerprint)
    assert report.ok
    assert [step.result for step in report.steps] == [StepResult.HELD] * 9 + [StepResult.NOT_APPLICABLE]
    assert (report.form, report.signer, report.signer_name) == ("pdf", stage.world.key.fingerprint, "acme")
    assert report.summary is not None
    assert report.summary.counts[Outcome.WAIVED] == 1
    assert report.summary.completeness == "17 of 17 artifacts present and verified"


async def test_a_json_pack_verifies_and_has_no_pages(stage: Stage) -> None:
    report = await verify_pack(stage.world.json(), rego=stage.rego)
    assert report.ok
    assert [step.number for step in report.steps if step.result is StepResult.NOT_APPLICABLE] == [8, 10]
    assert not report.pinned


async def test_a_pack_with_an_erased_body_is_partial_and_verifies(stage: Stage) -> None:
    world = await build_world(stage.rego, erased=[3])
    report = await verify_pack(world.json(), rego=stage.rego)
    assert report.ok
    assert report.summary is not None
    assert (report.summary.status, report.summary.completeness) == (
        "partial",
        "16 of 17 artifacts present and verified",
    )


async def test_the_signer_may_be_pinned_by_certificate_or_key(stage: Stage) -> None:
    other = generate_pack_key("acme", now=AT)
    assert await codes_of(stage, stage.world.json(), stage.world.key.fingerprint) == ()
    assert await codes_of(stage, stage.world.json(), other.fingerprint) == ("signer_not_expected",)
    assert await codes_of(stage, stage.pdf, other.fingerprint) == ("signer_not_expected",)


async def test_bundles_are_checked_with_the_root_and_identities_enclosed(stage: Stage) -> None:
    """One verified, one nobody can check; and the same pack without what they are checked with."""
    sigstore = Sigstore()
    payload = statements.statement_bytes(statements.vulns(severities=("high",)))
    verified = sigstore.of_statement(payload)
    unsupported = by_certificate(sigstore, intoto_v1, change=spelt_otherwise, payload=payload)
    trusted = PackedTrust(identities=(PackedIdentity(ISSUER, IDENTITY),), trusted_root=sigstore.trusted_root())
    bundles = [orjson.dumps(verified), orjson.dumps(unsupported)]
    world = await build_world(stage.rego, bundles=bundles, trusted=trusted)
    contents = world.contents
    assert [item.evidence.verification.status for item in contents.evidence[-2:]] == ["verified", "unsupported"]
    assert await codes_of(stage, world.json()) == ()
    stranger = replace(contents.trust, identities=(PackedIdentity(ISSUER, "https://ci.example/other"),))
    other_root = replace(contents.trust, trusted_root=Sigstore().trusted_root())
    no_root = replace(contents.trust, trusted_root=None)
    for trust in (stranger, other_root, no_root):
        assert "evidence_signature" in await codes_of(stage, world.json(replace(contents, trust=trust)))


def spelt_otherwise(entry: dict[str, Any]) -> None:
    entry["spec"]["content"]["hash"] = sha256(b"{ spelt otherwise }")


async def test_a_bundle_nobody_can_check_needs_no_identity(stage: Stage) -> None:
    sigstore = Sigstore()
    payload = statements.statement_bytes(statements.vulns())
    bundle = by_certificate(sigstore, intoto_v1, change=spelt_otherwise, payload=payload)
    trusted = PackedTrust(identities=(PackedIdentity(ISSUER, IDENTITY),), trusted_root=sigstore.trusted_root())
    world = await build_world(stage.rego, bundles=[orjson.dumps(bundle)], trusted=trusted)
    assert isinstance(world.contents.evidence[-1].evidence.verification, Unsupported)
    without = replace(world.contents, trust=replace(world.contents.trust, identities=()))
    assert await codes_of(stage, world.json(without)) == ()


@pytest.mark.parametrize("what", sorted(FORMERLY_UNSUPPORTED))
async def test_what_could_not_be_checked_when_it_was_recorded_stays_so_in_its_pack(stage: Stage, what: str) -> None:
    """The bundle verifies today; the record, and the verdicts from it, are those of the day."""
    sigstore = Sigstore()
    payload = statements.statement_bytes(statements.vulns(severities=("high",)))
    trusted = PackedTrust(identities=(PackedIdentity(ISSUER, IDENTITY),), trusted_root=sigstore.trusted_root())
    world = await build_world(stage.rego, bundles=[orjson.dumps(sigstore.of_statement(payload))], trusted=trusted)
    last = len(world.contents.evidence) - 1

    def recorded(as_what: str) -> PackContents:
        unsupported = Unsupported(as_what)
        return with_record(
            world,
            last,
            lambda item: replace(item, evidence=replace(item.evidence, verification=unsupported, collected=None)),
        )

    assert "evidence_signature" not in await codes_of(stage, world.json(recorded(what)))
    assert "evidence_facts" not in await codes_of(stage, world.json(recorded(what)))
    assert "evidence_signature" in await codes_of(stage, world.json(recorded("something never unsupported")))


# --- contents that a dishonest signer would sign


def with_record(world: PackWorld, place: int, change: Callable[[PackedEvidence], PackedEvidence]) -> PackContents:
    items = list(world.contents.evidence)
    items[place] = change(items[place])
    return replace(world.contents, evidence=tuple(items))


def flip_body(world: PackWorld) -> PackContents:
    def change(item: PackedEvidence) -> PackedEvidence:
        assert item.body is not None
        return replace(item, body=item.body[:-9] + bytes([item.body[-9] ^ 1]) + item.body[-8:])

    return with_record(world, 2, change)


def another_signature(world: PackWorld) -> PackContents:
    """Body and record agree; the leaf names the evidence that was there before."""

    def change(item: PackedEvidence) -> PackedEvidence:
        assert item.body is not None
        envelope = orjson.loads(item.body)
        envelope["signatures"][0]["keyid"] = "another"
        body = orjson.dumps(envelope)
        record = replace(item.evidence, body_digest=digest_of(body), body_size=len(body))
        return replace(item, body=body, evidence=record)

    return with_record(world, 2, change)


def swap_proofs(world: PackWorld) -> PackContents:
    first, second = world.contents.evidence[1:3]
    items = list(world.contents.evidence)
    items[1], items[2] = replace(first, proof=second.proof), replace(second, proof=first.proof)
    return replace(world.contents, evidence=tuple(items))


def with_finding(world: PackWorld, place: int, **changes: Any) -> PackContents:  # noqa: ANN401  any field of a finding
    findings = list(world.contents.assessment.findings)
    findings[place] = replace(findings[place], **changes)
    return replace(world.contents, assessment=replace(world.contents.assessment, findings=tuple(findings)))


def with_assessment(world: PackWorld, **changes: Any) -> PackContents:  # noqa: ANN401  any field of an assessment
    return replace(world.contents, assessment=replace(world.contents.assessment, **changes))


def promote(world: PackWorld) -> PackContents:
    return with_finding(world, 3, outcome=Outcome.PASS, raw=Outcome.PASS)


def better_counts(world: PackWorld) -> PackContents:
    return with_assessment(world, counts={**world.contents.assessment.counts, Outcome.PASS: 4, Outcome.STALE: 0})


def better_criteria(world: PackWorld) -> PackContents:
    criteria = tuple(replace(one, outcome=Outcome.PASS) for one in world.contents.assessment.criteria)
    return with_assessment(world, criteria=criteria)


def earlier(world: PackWorld) -> PackContents:
    """At an earlier moment the scan would have been fresh."""
    return with_assessment(world, evaluated_at=datetime(2026, 1, 15, tzinfo=UTC))


def other_catalog(world: PackWorld) -> PackContents:
    softer = {**SOURCES, "internal/controls.yaml": SOURCES["internal/controls.yaml"].replace("P30D", "P300D")}
    return replace(world.contents, catalog=load_catalog(softer))


def other_log_key(world: PackWorld) -> PackContents:
    return replace(world.contents, log_key=str(NoteVerifier(ORIGIN, NoteSigner.generate().public_key)))


def stale_checkpoint(world: PackWorld) -> PackContents:
    smaller = grow(Frontier(), [leaf_hash(item.leaf) for item in world.contents.evidence[:-1]]).frontier
    return replace(world.contents, checkpoint=signed_checkpoint(world.log, ORIGIN, smaller))


def another_tree(world: PackWorld) -> PackContents:
    """A checkpoint the log signed over other leaves of the same number."""
    leaves = [leaf_hash(item.leaf) for item in reversed(world.contents.evidence)]
    return replace(world.contents, checkpoint=signed_checkpoint(world.log, ORIGIN, grow(Frontier(), leaves).frontier))


def other_key(world: PackWorld) -> PackContents:
    """A key of that name which signed nothing, in the place of the one that did."""
    pem = EnvelopeSigner.generate("ecdsa-p256", "ci").public_key.pem
    return replace(world.contents, trust=replace(world.contents.trust, keys=(PackedKey("ci", pem),)))


def better_facts(world: PackWorld) -> PackContents:
    return with_record(
        world, 5, lambda item: replace(item, evidence=replace(item.evidence, facts={"required": "pass"}))
    )


def hide(world: PackWorld) -> PackContents:
    """The failing check is said to be erased."""
    return with_record(world, 5, lambda item: replace(item, body=None, evidence=replace(item.evidence, erased=True)))


def leave_out(world: PackWorld) -> PackContents:
    """The failing check is not there at all."""
    return replace(world.contents, evidence=world.contents.evidence[:5] + world.contents.evidence[6:])


DISHONEST: Sequence[tuple[str, Damage, str]] = [
    ("body", flip_body, "body_digest"),
    ("body and its digest", another_signature, "evidence_id"),
    ("proofs swapped", swap_proofs, "inclusion_proof"),
    ("outcome", promote, "verdict_outcome"),
    ("reason", lambda world: with_finding(world, 0, because="Passed: trust us."), "verdict_because"),
    ("hint", lambda world: with_finding(world, 3, fix="Nothing to do."), "verdict_detail"),
    ("counts", better_counts, "counts"),
    ("criteria", better_criteria, "criteria"),
    ("notes", lambda world: with_assessment(world, notes=("all is well",)), "verdict_detail"),
    ("moment", earlier, "verdict_outcome"),
    ("tree size", lambda world: with_assessment(world, tree_size=3), "leaf_index"),
    ("catalog", other_catalog, "catalog_digest"),
    ("generated Rego", lambda world: replace(world.contents, rego=world.contents.rego + "\n"), "catalog_rego"),
    (
        "policy module",
        lambda world: replace(
            world.contents, policy=replace(world.contents.policy, modules={"limits/limits.rego": "package limits\n"})
        ),
        "policy_digest",
    ),
    (
        "policy data",
        lambda world: replace(world.contents, policy=replace(world.contents.policy, data=b'{"a": 1}')),
        "policy_digest",
    ),
    ("log key", other_log_key, "checkpoint_signature"),
    (
        "log origin",
        lambda world: replace(world.contents, log_origin="log.example.com/other"),
        "checkpoint_origin",
    ),
    ("stale checkpoint", stale_checkpoint, "stale_checkpoint"),
    ("another tree", another_tree, "inclusion_proof"),
    ("evidence key", other_key, "evidence_signature"),
    ("facts", better_facts, "evidence_facts"),
    (
        "leaf",
        lambda world: with_record(world, 1, lambda item: replace(item, leaf=world.contents.evidence[2].leaf)),
        "leaf",
    ),
    ("release name", lambda w: replace(w.contents, release=replace(w.contents.release, version="9.9")), "release"),
    ("failing evidence hidden", hide, "verdict_outcome"),
    ("failing evidence left out", leave_out, "verdict_outcome"),
    (
        "order of the log",
        lambda world: replace(world.contents, evidence=world.contents.evidence[::-1]),
        "leaf_index",
    ),
]


@pytest.mark.parametrize(("damage", "code"), [row[1:] for row in DISHONEST], ids=[row[0] for row in DISHONEST])
async def test_a_dishonest_signer_is_caught(stage: Stage, damage: Damage, code: str) -> None:
    assert code in await codes_of(stage, stage.world.json(damage(stage.world)))


async def test_evidence_of_another_release_is_foreign(stage: Stage) -> None:
    stranger = statements.test_result("sha256:" + "77" * 32)
    world = await build_world(stage.rego, [*default_statements(), stranger])
    assert await codes_of(stage, world.json()) == ("foreign_evidence",)


# --- the index and the manifest


def duplicate_entry(index: dict[str, Any]) -> None:
    index["manifest"].append(index["manifest"][0])


def climb(index: dict[str, Any]) -> None:
    index["manifest"][0]["name"] = "../outside"


def forget(index: dict[str, Any]) -> None:
    index["manifest"].pop()


def promise(index: dict[str, Any]) -> None:
    index["manifest"].append({"name": "evidence/none.json", "size": 1, "digest": digest_of(b"x")})


def set_at(*path: str, value: object) -> IndexDamage:
    def change(index: dict[str, Any]) -> None:
        for step in path[:-1]:
            index = index[step]
        index[path[-1]] = value

    return change


INDEXES: Sequence[tuple[str, IndexDamage, str]] = [
    ("entry twice", duplicate_entry, "manifest"),
    ("unsafe name", climb, "manifest"),
    ("entry left out", forget, "artifact_extra"),
    ("file promised", promise, "artifact_missing"),
    ("no manifest", set_at("manifest", value={}), "manifest"),
    ("other format", set_at("format", value="evidence-pack/v9"), "format"),
    ("other derivation", set_at("derivation", value=99), "derivation"),
    ("no evidence", set_at("evidence", value=None), "document"),
    ("times", set_at("assessment", "evaluatedAt", value="yesterday"), "document"),
    ("completeness", set_at("completeness", "total", value=99), "completeness"),
    ("status", set_at("completeness", "status", value="partial"), "completeness"),
    ("period", set_at("period", "to", value="2030-01-01T00:00:00Z"), "period"),
    ("key file", set_at("trust", "trustedRoot", value="trust/trusted-root.json"), "artifact_missing"),
    ("catalog digest", set_at("catalog", "digest", value=digest_of(b"")), "catalog_digest"),
    ("policy digest", set_at("policy", "digest", value=digest_of(b"")), "policy_digest"),
    ("leaf", set_at("evidence", value=[{"leaf": "AA=B", "proof": []}]), "document"),
]


@pytest.mark.parametrize(("damage", "code"), [row[1:] for row in INDEXES], ids=[row[0] for row in INDEXES])
async def test_an_index_that_does_not_fit_is_refused(stage: Stage, damage: IndexDamage, code: str) -> None:
    index = copy.deepcopy(stage.world.index())
    damage(index)
    assert code in await codes_of(stage, stage.world.signed_json(index, stage.world.files()))


async def test_a_file_the_index_does_not_speak_of_is_refused(stage: Stage) -> None:
    stray = Artifact("evidence/stray.json", "application/json", b"{}", "")
    index = stage.world.index()
    index["manifest"].append({"name": stray.name, "size": 2, "digest": stray.digest})
    assert await codes_of(stage, stage.world.signed_json(index, [*stage.world.files(), stray])) == ("artifact_extra",)


async def test_files_are_compared_with_the_manifest_both_ways(stage: Stage) -> None:
    world, files = stage.world, stage.world.files()
    changed = [replace(files[0], content=files[0].content + b" "), *files[1:]]
    stray = Artifact("stray.txt", "text/plain", b"", "")
    assert await codes_of(stage, world.signed_json(world.index(), changed)) == ("artifact_digest",)
    assert await codes_of(stage, world.signed_json(world.index(), files[1:])) == ("artifact_missing",)
    assert await codes_of(stage, world.signed_json(world.index(), [*files, stray])) == ("artifact_extra",)


async def test_a_json_pack_has_one_spelling(stage: Stage) -> None:
    good = stage.world.json()
    loaded = orjson.loads(good)
    body = next(name for name, text in loaded["artifacts"].items() if text.endswith("="))
    text = loaded["artifacts"][body]
    padded = text.rstrip("=")
    loaded["artifacts"][body] = padded[:-1] + chr(ord(padded[-1]) + 1) + text[len(padded) :]
    assert await codes_of(stage, good + b"\n") == ("not_canonical",)
    assert await codes_of(stage, orjson.dumps(orjson.loads(good), option=orjson.OPT_INDENT_2)) == ("not_canonical",)
    assert await codes_of(stage, good.replace(b'"pack":', b'"pack":{},"pack":', 1)) == ("not_canonical",)
    assert await codes_of(stage, canonical(loaded)) in {("base64",), ("artifact_digest",)}
    assert await codes_of(stage, good[:-1]) == ("not_json",)
    assert await codes_of(stage, b"{}") == ("document",)


async def test_another_signature_is_refused(stage: Stage) -> None:
    other = generate_pack_key("acme", now=AT)
    index, files = stage.world.index(), stage.world.files()
    assert await codes_of(stage, stage.world.signed_json(index, files, key=other)) == ("pack_signature",)
    loaded = orjson.loads(stage.world.json())
    loaded["signature"] = encode(other.sign(signed_message(index)))
    assert await codes_of(stage, canonical(loaded)) == ("pack_signature",)


async def test_the_index_alone_is_no_pack(stage: Stage) -> None:
    loaded = orjson.loads(stage.world.json())
    del loaded["artifacts"]
    assert await codes_of(stage, canonical(loaded)) == ("artifact_missing",)


async def test_every_flipped_bit_of_a_json_pack_is_caught(stage: Stage) -> None:
    good, chance = stage.world.json(), random.Random(20260301)  # noqa: S311  positions, not keys
    for position in [*chance.sample(range(len(good)), 150), *range(len(good) - 120, len(good), 2), 0, 1, 2]:
        damaged = bytearray(good)
        damaged[position] ^= 1 << chance.randrange(8)
        assert await codes_of(stage, bytes(damaged)), f"a changed byte at {position} was not noticed"


# --- the PDF


async def test_every_kind_of_changed_pdf_is_caught(stage: Stage) -> None:
    good = stage.pdf
    assert await codes_of(stage, good + b"\n") == ("not_a_pdf",)
    assert await codes_of(stage, good + good[good.rindex(b"startxref") :]) == ("signature_range",)
    assert await codes_of(stage, good[:-7] + b"%%EOF\n") == ("signature_range",)
    assert await codes_of(stage, b"%PDF-1.7\n%%EOF\n") == ("not_signed",)
    assert await codes_of(stage, b"%PDF-") == ("not_a_pdf",)


async def test_random_flips_of_a_pdf_are_caught(stage: Stage) -> None:
    chance = random.Random(20260302)  # noqa: S311  positions, not keys
    for position in chance.sample(range(len(stage.pdf)), 120):
        damaged = bytearray(stage.pdf)
        damaged[position] ^= 1 << chance.randrange(8)
        assert await codes_of(stage, bytes(damaged)), f"a changed byte at {position} was not noticed"


def swap_words(page: str) -> str:
    """The verdict register says that a stale control passed."""
    start = page.index('class="grid register"')
    changed = page[start:].replace("<b>↺</b> Stale", "<b>✓</b> Passed", 1)
    return page[:start] + changed


_ROW = '<tr><td colspan="5">IG-X-1 Everything else ✓ Passed 9 of 9 4</td></tr>'
PAGES: Sequence[tuple[str, Callable[[str], str]]] = [
    ("register", swap_words),
    ("sentence", lambda page: page.replace("2 of 4 applicable controls passed", "4 of 4 applicable controls passed")),
    ("line", lambda page: page.replace("17 of 17 artifacts", "99 of 99 artifacts")),
    ("release", lambda page: page.replace("<h1>widget 1.0.0", "<h1>widget 2.0.0")),
    ("reason", lambda page: page.replace("1 of 1 too old to count", "1 of 1 counted")),
    ("row added", lambda page: page.replace("</tbody></table></section>", f"{_ROW}</tbody></table></section>")),
    ("row left out", lambda page: page.replace(page[page.rindex('<tr><td><a href="#control-4"') :], "", 1)),
    ("claim added", lambda page: page.replace('<p class="verdict">', '<p class="verdict">All is well. ', 1)),
]


@pytest.mark.parametrize("edit", [row[1] for row in PAGES], ids=[row[0] for row in PAGES])
async def test_pages_that_say_otherwise_are_caught(stage: Stage, edit: Callable[[str], str]) -> None:
    page = document(stage.world.contents, signer=stage.world.key.fingerprint)
    edited = edit(page)
    assert edited != page
    assert await codes_of(stage, await stage.world.pdf(stage.renderer, page=edited)) == ("printed",)


async def test_attachments_of_a_pdf_are_compared_with_the_manifest(stage: Stage) -> None:
    world, files = stage.world, stage.world.files()
    stray = Artifact("stray.txt", "text/plain", b"", "")
    twice = [*files, replace(files[0], content=b"another file of that name")]
    changed = [replace(files[0], content=b"changed"), *files[1:]]
    for attached, code in (
        (files[1:], "artifact_missing"),
        ([*files, stray], "artifact_extra"),
        (twice, "attachment_tree"),
        (changed, "artifact_digest"),
    ):
        assert await codes_of(stage, await world.pdf(stage.renderer, files=attached)) == (code,)


async def test_a_pdf_signed_by_somebody_else_around_our_index_is_caught(stage: Stage) -> None:
    stranger = replace(stage.world, key=generate_pack_key("acme", now=AT))
    foreign = await stranger.pdf(stage.renderer, index=stage.world.index())
    assert await codes_of(stage, foreign) in {("signer_mismatch",), ("pack_signature",)}


async def test_the_index_of_another_pack_is_caught(stage: Stage) -> None:
    other = replace(await build_world(stage.rego, default_statements()[:4]), key=stage.world.key)
    replayed = await stage.world.pdf(stage.renderer, index=other.index())
    assert (await codes_of(stage, replayed))[0] in {"artifact_missing", "artifact_extra", "artifact_digest"}


async def test_a_pdf_signed_twice_is_refused(stage: Stage) -> None:
    with pytest.raises(Exception, match="empty signature"):
        await sign_pdf(stage.pdf, stage.world.key)


# --- the verifier is light


def test_the_verifier_needs_nothing_of_the_server() -> None:
    """Every distribution imported by `evidence-api verify` follows from the base dependencies."""
    script = "import sys, evidence_api.cli.verify; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(ran.stdout.split())
    assert not loaded & {"weasyprint", "starlette", "asyncpg", "strawberry", "sqlalchemy", "sqlmodel", "alembic"}
    owners = metadata.packages_distributions()
    optional = {"evidence-api", "setuptools", "brotli"}  # ourselves, the interpreter's, what requests takes if there
    used = {_plain(owner) for name in loaded for owner in owners.get(name, ())} - optional
    assert used <= base_closure()


def base_closure() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(text) for text in project["dependencies"]]
    found: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = _plain(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        for extra in {"", *requirement.extras}:
            waiting += [
                needed
                for needed in map(Requirement, metadata.requires(requirement.name) or ())
                if needed.marker is None or needed.marker.evaluate({"extra": extra})
            ]
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
