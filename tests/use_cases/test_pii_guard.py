"""What leaves in a pack: stopped, or redacted and still proven, and never more than policy lets go."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest

from evidence_api.domain.errors import Inadmissible
from evidence_api.domain.facts import rows_of
from evidence_api.domain.pack import PackContents, PackedEvidence, PackStatus, Redaction
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.pdf_reading import read_pages
from evidence_api.engines.rego import PolicyBundle, RegoPool, policy_bundle
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.evaluate import assess_release
from evidence_api.use_cases.packs import PackBuilder
from evidence_api.use_cases.pii_guard import PiiGuard, look
from evidence_api.use_cases.policies import load_policy
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import statements
from tests.support.packs import AT, POLICY, PackWorld, build_world, default_statements
from tests.test_architecture import ROOT

SECRET, EMAIL = "AKIAIOSFODNN7EXAMPLQ", "jane.roe@example.org"


@pytest.fixture(scope="module")
async def rego() -> AsyncIterator[RegoPool]:
    async with RegoPool(workers=1, timeout=20) as pool:
        yield pool


@pytest.fixture(scope="module")
async def policy(rego: RegoPool) -> PolicyBundle:
    return await load_policy(rego, ROOT / "policy")


@pytest.fixture(scope="module")
async def world(rego: RegoPool) -> PackWorld:
    """The default world, with a secret in the test result and an address in the SBOM."""
    release, provenance, sbom, tests, *rest = default_statements()
    sbom["predicate"]["metadata"] = {"authors": [{"name": "Jane", "email": EMAIL}]}
    tests["predicate"]["url"] = f"https://ci.example/run?key={SECRET}"
    return await build_world(rego, [release, provenance, sbom, tests, *rest])


@pytest.fixture
def guard(rego: RegoPool, policy: PolicyBundle) -> PiiGuard:
    return PiiGuard(Gate(rego, policy))


async def redacted(rego: RegoPool, guard: PiiGuard, world: PackWorld) -> PackContents:
    contents = world.contents
    cleared = await guard.clear("pack", contents.evidence, redact=True)
    evidence = [item.evidence for item in cleared.items]
    assessment = await assess_release(
        rego,
        contents.catalog,
        policy_bundle(POLICY),
        contents.release,
        rows_of(contents.release, evidence),
        tree_size=contents.assessment.tree_size,
        at=AT,
    )
    return replace(contents, evidence=cleared.items, assessment=assessment)


def test_both_are_found_where_they_are(world: PackWorld) -> None:
    found = [[str(one) for one in look(item.body or b"")] for item in world.contents.evidence]
    assert found[2] == ["predicate.metadata.authors[0].email: email (address)"]
    assert found[3] == ["predicate.url: secret (AWS Access Key)"]
    assert not any(own for number, own in enumerate(found) if number not in {2, 3})


@pytest.mark.parametrize("name", ["payload", "statement"])
def test_nothing_hides_around_a_payload_under_its_name(world: PackWorld, name: str) -> None:
    envelope = orjson.loads(world.contents.evidence[0].body or b"")
    assert look(orjson.dumps(envelope)) == ()
    (found,) = look(orjson.dumps({**envelope, "more": {name: SECRET}}))
    assert found.path == f"envelope.more.{name}"


async def test_a_secret_stops_a_pack_and_is_named_by_its_place(guard: PiiGuard, world: PackWorld) -> None:
    with pytest.raises(Inadmissible) as refusal:
        await guard.clear("pack", world.contents.evidence, redact=False)
    assert refusal.value.code == "export_denied"
    assert refusal.value.fields["rules"] == ["export.secret"]
    assert "leaf 3 (test_result) predicate.url: secret (AWS Access Key)" in (refusal.value.fields["places"] or ())  # type: ignore[operator]
    assert SECRET not in f"{refusal.value.message} {refusal.value.fields}"


async def test_what_may_leave_leaves_untouched(guard: PiiGuard, rego: RegoPool) -> None:
    release, provenance, sbom, *rest = default_statements()
    sbom["predicate"]["metadata"] = {"authors": [{"name": "Jane", "email": EMAIL}]}
    plain = await build_world(rego, [release, provenance, sbom, *rest])
    cleared = await guard.clear("pack", plain.contents.evidence, redact=True)
    assert cleared.items == plain.contents.evidence


async def test_a_redacted_pack_verifies_and_says_what_is_not_in_it(
    rego: RegoPool, guard: PiiGuard, world: PackWorld
) -> None:
    contents = await redacted(rego, guard, world)
    built = await PackBuilder(PdfRenderer(), world.key, rego).build(contents)
    assert built.status is PackStatus.PARTIAL
    for content in (built.json, built.pdf):
        assert SECRET.encode() not in content
        report = await verify_pack(content, rego=rego)
        assert report.ok, report.codes
        assert "1 redacted" in report.steps[4].detail
    pages = " ".join(read_pages(built.pdf))
    assert "(redacted)" in pages
    assert "predicate.url: secret (AWS Access Key)" in " ".join(pages.split())


async def test_only_what_may_not_leave_is_redacted(rego: RegoPool, guard: PiiGuard, world: PackWorld) -> None:
    contents = await redacted(rego, guard, world)
    copies = [item.redaction for item in contents.evidence]
    assert [number for number, copy in enumerate(copies) if copy is not None] == [3]
    assert contents.evidence[2] == world.contents.evidence[2]
    assert [finding.outcome for finding in contents.assessment.findings] == [
        finding.outcome for finding in world.contents.assessment.findings
    ]


async def test_digest_leaf_and_proof_stay_those_of_the_original(
    rego: RegoPool, guard: PiiGuard, world: PackWorld
) -> None:
    copied, original = (await redacted(rego, guard, world)).evidence[3], world.contents.evidence[3]
    assert copied.body is None
    assert (copied.leaf, copied.proof) == (original.leaf, original.proof)
    assert copied.evidence.body_digest == original.evidence.body_digest
    assert copied.redaction is not None
    assert copied.redaction.because == ("secrets found (1); they may not leave",)


@pytest.mark.parametrize("damage", ["facts", "body", "nothing", "unreadable"])
async def test_a_redaction_that_says_something_else_is_refused(
    rego: RegoPool, guard: PiiGuard, world: PackWorld, damage: str
) -> None:
    contents = await redacted(rego, guard, world)
    item, copy = contents.evidence[3], contents.evidence[3].redaction
    assert copy is not None
    forged, code = _damaged(item, copy, world.contents.evidence[3].body or b"", damage)
    evidence = (*contents.evidence[:3], forged, *contents.evidence[4:])
    report = await verify_pack(world.json(replace(contents, evidence=evidence)), rego=rego)
    assert not report.ok
    assert code in report.codes


def _damaged(item: PackedEvidence, copy: Redaction, body: bytes, damage: str) -> tuple[PackedEvidence, str]:
    match damage:
        case "facts":
            better = copy.copy.replace(b'"PASSED"', b'"FAILED"', 1)
            assert better != copy.copy
            return replace(item, redaction=replace(copy, copy=better)), "evidence_facts"
        case "body":
            return replace(item, body=body), "redaction"
        case "nothing":
            return replace(item, redaction=replace(copy, found=())), "redaction"
        case _:
            return replace(item, redaction=replace(copy, copy=b'{"predicate"')), "evidence_unreadable"


async def test_a_policy_that_lets_nothing_go_stops_addresses_too(rego: RegoPool, world: PackWorld) -> None:
    modules = {"export/export.rego": (ROOT / "policy/export/export.rego").read_text()}
    strict = PiiGuard(Gate(rego, policy_bundle(modules, b'{"export": {"purposes": ["pack"], "may_leave": []}}')))
    with pytest.raises(Inadmissible) as refusal:
        await strict.clear("pack", world.contents.evidence, redact=False)
    assert refusal.value.fields["rules"] == ["export.email", "export.secret"]
    cleared = await strict.clear("pack", world.contents.evidence, redact=True)
    assert cleared.redacted == 2


async def test_a_policy_that_knows_no_purpose_stops_redacted_ones_too(rego: RegoPool, world: PackWorld) -> None:
    modules = {"export/export.rego": (ROOT / "policy/export/export.rego").read_text()}
    shut = PiiGuard(Gate(rego, policy_bundle(modules, b'{"export": {"purposes": [], "may_leave": []}}')))
    with pytest.raises(Inadmissible) as refusal:
        await shut.clear("pack", world.contents.evidence, redact=True)
    assert "export.purpose" in (refusal.value.fields["rules"] or ())  # type: ignore[operator]


def test_what_surrounds_the_statement_is_looked_at_too() -> None:
    document = statements.statement_bytes(statements.test_result())
    envelope = (
        b'{"payloadType":"application/vnd.in-toto+json","payload":"%s","signatures":[{"sig":"AA==","keyid":"%s"}]}'
    )
    body = envelope % (b64encode(document), EMAIL.encode())
    assert [str(one) for one in look(body)] == ["envelope.signatures[0].keyid: email (address)"]
