"""What nobody signed is kept and shown, and no verdict ever becomes a pass by it: statements and raw documents of every
kind, over missing and over failing controls."""

import json
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.kinds import KINDS
from evidence_api.formats import attesting
from evidence_api.formats.documents import DOCUMENTS
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import statements
from tests.support.decision_examples import example
from tests.support.decisions import decision
from tests.support.place import newest, outcomes_of
from tests.support.statements import ARTIFACT, COMMIT, Statement
from tests.web.conftest import Door

AFTER = "2026-02-20T12:00:00Z"

GOOD: Sequence[Statement] = (
    statements.provenance(),
    statements.provenance_v02(),
    statements.sbom(criticals=0),
    statements.test_result(),
    statements.test_result(ARTIFACT),
    statements.vulns(),
    statements.github_checks(),
    statements.github_checks(ARTIFACT),
    statements.policy_decision(),
    statements.policy_decision(ARTIFACT),
    statements.action(),
    statements.plugin_review(),
    statements.incident(),
    *(decision(kind.name, example(kind.name)) for kind in DECISIONS.values()),
)
BAD: Sequence[Statement] = (
    statements.provenance(),
    statements.test_result(result="FAILED", passed=(), failed=("unit",)),
    statements.vulns(severities=("critical",)),
    statements.github_checks(conclusions=("failure",)),
    statements.policy_decision(result="deny", reasons=("no",)),
)
# One raw document of each type, all of them saying that everything is well.
RAW: dict[str, bytes] = {
    "cyclonedx": b'{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[],"vulnerabilities":[]}',
    "cyclonedx-xml": b'<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><components/></bom>',
    "spdx": orjson.dumps(
        {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": "widget",
            "documentNamespace": "https://example.com/widget",
            "creationInfo": {"created": AFTER, "creators": ["Tool: maker-1.0"]},
            "packages": [{"name": "widget", "SPDXID": "SPDXRef-W", "downloadLocation": "NOASSERTION"}],
            "relationships": [
                {
                    "spdxElementId": "SPDXRef-DOCUMENT",
                    "relatedSpdxElement": "SPDXRef-W",
                    "relationshipType": "DESCRIBES",
                }
            ],
        }
    ),
    "sarif": b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":[]}]}',
    "junit": b'<testsuites><testsuite name="s" tests="1"><testcase name="n" classname="c"/></testsuite></testsuites>',
    "openvex": orjson.dumps(
        {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": "https://example.com/vex-1",
            "author": "somebody",
            "timestamp": AFTER,
            "version": 1,
            "statements": [
                {
                    "vulnerability": {"name": "CVE-2026-0000"},
                    "products": [{"@id": "pkg:generic/widget@1.0.0"}],
                    "status": "not_affected",
                    "justification": "component_not_present",
                }
            ],
        }
    ),
    "cosign-vuln": orjson.dumps(
        {
            "invocation": {"parameters": None, "uri": "", "event_id": "", "builder.id": ""},
            "scanner": {
                "uri": "pkg:github/aquasecurity/trivy@v0.60.0",
                "version": "0.60",
                "db": {},
                "result": {"Results": []},
            },
            "metadata": {"scanStartedOn": AFTER, "scanFinishedOn": AFTER},
        }
    ),
    "check-runs": orjson.dumps(
        {
            "total_count": 1,
            "check_runs": [
                {
                    "id": 4,
                    "name": "check-0",
                    "head_sha": COMMIT.removeprefix("sha1:"),
                    "status": "completed",
                    "conclusion": "success",
                    "started_at": AFTER,
                    "completed_at": AFTER,
                    "app": {"id": 1, "slug": "ci"},
                }
            ],
        }
    ),
    "opa-decision": orjson.dumps(
        {
            "decision_id": "4ca636c1-55e4-417a-b1d8-4aceb67960d1",
            "labels": {"id": "1", "version": "1.4"},
            "path": "merge/allow",
            "result": True,
            "input": {},
            "timestamp": AFTER,
        }
    ),
    "osv": b'{"id":"OSV-2026-1","modified":"2026-02-20T12:00:00Z","schema_version":"1.6.0","affected":[]}',
}


async def outcomes(door: Door) -> dict[str, Outcome]:
    await door.application.reassessor.sweep()
    return outcomes_of(await newest(door.application, door.scope))


def passes(found: dict[str, Outcome]) -> set[str]:
    return {control for control, outcome in found.items() if outcome is Outcome.PASS}


async def send(door: Door, body: bytes, *subjects: str) -> None:
    query = "&".join(f"subject={one}" for one in subjects)
    answer = await door.http.post(f"/v1/evidence?{query}" if query else "/v1/evidence", content=body)
    assert answer.status_code in {200, 201}, answer.text


def later(statement: Statement) -> bytes:
    """The same, said later, so that it would supersede what it may."""
    return json.dumps(statement).replace(statements.WHEN, AFTER).encode()


def test_every_kind_and_every_type_of_document_is_tried() -> None:
    assert set(RAW) == set(DOCUMENTS)
    kinds = {attesting.read_back(statements.statement_bytes(one))[1] for one in GOOD}
    kinds |= {DOCUMENTS[name].read(body).normalised.kind for name, body in RAW.items()}
    # Refused unsigned, refused unsigned, derived, signed always, any type.
    elsewhere = {"release", "override", "attest", "signature", "statement"}
    server_made = {
        name
        for name in KINDS
        if name.startswith(("sbom_", "dependency_", "reproducible_", "reperformance", "access_", "action_"))
    }
    assert set(KINDS) - kinds - elsewhere - server_made <= {"vsa"}


@pytest.mark.parametrize("signed", [(), BAD], ids=["nothing signed", "what is signed fails"])
async def test_nothing_unsigned_makes_a_verdict_a_pass(door: Door, signed: Sequence[Statement]) -> None:
    for statement in (statements.release(), *signed):
        assert (await door.upload(statement)).status_code == 201
    before = await outcomes(door)
    for good in GOOD:
        await send(door, later(good))
    for name, body in RAW.items():
        await send(door, body, ARTIFACT, "gitCommit:" + COMMIT.removeprefix("sha1:"))
        kind = attesting.chosen_type(name, body)
        for about in (ARTIFACT, COMMIT):
            algorithm, _, value = about.partition(":")
            named: Any = statements.subject(f"{algorithm}:{value}")
            await send(door, _unsigned(kind.predicate_type, dict(kind.predicate(body)), named))
    after = await outcomes(door)
    assert passes(after) == passes(before)
    # Provenance that nobody signed is said to be there, `unverified`, which fails where it was missing before.
    worse = {control for control in before if after[control] is not before[control]}
    assert {(before[control], after[control]) for control in worse} <= {(Outcome.MISSING, Outcome.FAIL)}
    # The same, signed, does: what is above could have failed.
    for good in GOOD:
        assert (await door.http.post("/v1/evidence", content=door.envelope(json.loads(later(good))))).status_code == 201
    assert passes(await outcomes(door)) - passes(after)


def _unsigned(predicate_type: str, predicate: dict[str, Any], subject: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [subject],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


async def test_nothing_unsigned_takes_a_pass_away(door: Door) -> None:
    for statement in (statements.release(), *GOOD):
        assert (await door.upload(statement)).status_code == 201
    before = await outcomes(door)
    assert passes(before)
    for bad in BAD:
        await send(door, later(bad))
    for body in RAW.values():
        await send(door, body, ARTIFACT)
    assert await outcomes(door) == before


async def test_an_unsigned_release_is_refused(door: Door) -> None:
    answer = await door.http.post("/v1/evidence", content=statements.statement_bytes(statements.release()))
    assert (answer.status_code, answer.json()["code"]) == (422, "inadmissible")
    assert "admission.release_unverified" in answer.json()["rules"]


async def test_a_pack_with_raw_documents_and_the_subjects_an_uploader_named_verifies(door: Door) -> None:
    for statement in (statements.release(), statements.provenance(), statements.test_result()):
        assert (await door.upload(statement)).status_code == 201
    for body in RAW.values():
        await send(door, body, ARTIFACT)
    await send(door, json.dumps(statements.vulns()).encode())
    answer = await door.http.post("/v1/packs", json={"release": "widget"})
    assert answer.status_code == 201, answer.text
    built = answer.json()
    for form in ("pdf", "json"):
        content = (await door.http.get(built[form])).content
        report = await verify_pack(content, rego=door.application.rego)
        assert report.ok, report
        assert content.count(b".xml") > 0 or form == "pdf"
