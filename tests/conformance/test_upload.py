"""Real documents of public suites go in over HTTP and come out of GraphQL with signer, outcome and proof."""

import base64
import json
from typing import Any

import pytest

from evidence_api.domain.merkle import leaf_hash, verify_inclusion
from evidence_api.domain.verification import CertificateSigner, Verified
from evidence_api.engines.sigstore import AnyIdentity, BundleVerifier, IdentityRule
from evidence_api.engines.sigstore_root import trusted_root
from evidence_api.formats.checkpoint import parse_checkpoint
from evidence_api.formats.upload import BundleUpload, recognise
from tests.support import conformance, statements
from tests.web.conftest import Door, application, door, rival

__all__ = ["application", "door", "rival"]

pytestmark = pytest.mark.conformance

QUERY = """query ($id: ID!) { evidenceRecord(id: $id) {
  kind leafIndex status
  verification { status signer { __typename ... on CertificateSigner { issuer identity } ... on KeySigner { name } } }
  proof { leaf hashes treeSize rootHash }
} }"""


def accepted(suite: str, predicate: str) -> bytes:
    """The first bundle a suite says must verify, around a statement of that predicate type."""
    folder = conformance.suite(suite)
    for case in conformance.cases(suite):
        log_entry = str(case.get("log_entry", ""))
        if case["expect"] == "accept" and case.get("form") == "sigstore bundle" and log_entry.startswith("dsse"):
            body: bytes = (folder / case["files"][0]).read_bytes()
            if str(case.get("predicateType", "")).startswith(predicate):
                return body
    pytest.skip(f"no such bundle in {suite}")


async def trust_signer(door: Door, body: bytes) -> IdentityRule:
    """Register the identity that signed, as an operator who knows it would."""
    upload = recognise(body)
    assert isinstance(upload, BundleUpload)
    found = BundleVerifier(trusted_root(None)).verify(upload, identities=AnyIdentity())
    assert isinstance(found, Verified)
    assert isinstance(found.signer, CertificateSigner)
    rule = IdentityRule(found.signer.issuer, found.signer.identity)
    await door.application.tenancy.add_identity(door.scope, rule, "builder")
    return rule


async def shown(door: Door, receipt: dict[str, Any]) -> dict[str, Any]:
    """The record as GraphQL shows it, its inclusion proof checked."""
    variables = {"id": receipt["evidenceId"]}
    answer = (await door.http.post("/graphql", json={"query": QUERY, "variables": variables})).json()
    assert "errors" not in answer, answer
    record: dict[str, Any] = answer["data"]["evidenceRecord"]
    proof = record["proof"]
    hashes = [base64.b64decode(one) for one in proof["hashes"]]
    root = base64.b64decode(proof["rootHash"])
    verify_inclusion(leaf_hash(base64.b64decode(proof["leaf"])), record["leafIndex"], proof["treeSize"], hashes, root)
    assert parse_checkpoint(receipt["checkpoint"]).root == root
    return record


async def test_real_slsa_provenance_in_a_real_bundle(door: Door, rival: Door) -> None:
    body = accepted("slsa-verifier", "https://slsa.dev/provenance/")
    rule = await trust_signer(door, body)
    await rival.application.tenancy.add_identity(rival.scope, IdentityRule(rule.issuer, "somebody else"), "other")
    refused = await rival.http.post("/v1/evidence", content=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "untrusted_identity")
    answer = await door.http.post("/v1/evidence", content=body)
    assert answer.status_code == 201, answer.text
    record = await shown(door, answer.json())
    assert (record["kind"], record["status"]) == ("provenance", "VERIFIED")
    signer = record["verification"]["signer"]
    assert (signer["issuer"], signer["identity"]) == (rule.issuer, rule.identity)


async def test_a_real_sbom_signed_with_a_registered_key(door: Door) -> None:
    folder = conformance.suite("cyclonedx-bom-examples")
    cases = [case for case in conformance.cases("cyclonedx-bom-examples") if case["expect"] == "valid"]
    case = max(cases, key=lambda one: int(one["components"]))
    bom = json.loads((folder / case["files"][0]).read_bytes())
    answer = await door.upload(statements.statement("https://cyclonedx.org/bom", statements.ARTIFACT, bom))
    assert answer.status_code == 201, answer.text
    record = await shown(door, answer.json())
    assert (record["kind"], record["status"]) == ("sbom", "VERIFIED")
    assert record["verification"]["signer"] == {"__typename": "KeySigner", "name": "ci"}
