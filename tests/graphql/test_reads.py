"""What readers see of a seeded tenant."""

from base64 import b64decode, b64encode
from typing import Any

from evidence_api.domain.merkle import leaf_hash, verify_inclusion
from evidence_api.graphql.ids import encode_id
from tests.support.checked import VERIFIED, sha256_of
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import BY_CERTIFICATE, Seeded

KINDS = "{edges {node {kind leafIndex}}}"


def kinds(connection: Any) -> list[str]:  # noqa: ANN401  JSON
    return [edge["node"]["kind"] for edge in connection["edges"]]


async def test_one_record_shows_signer_times_and_proof(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($id: ID!) { evidenceRecord(id: $id) {
      evidenceId leafIndex kind predicateType mediaType status effective collected received series sources erased facts
      subjects { name digests }
      verification { status method trustRoot checks signedAt verifiedAt code message signer { __typename
        ... on CertificateSigner { issuer identity certificate label } ... on KeySigner { keyId } } }
      body { digest size mediaType content }
      proof { leafIndex treeSize leaf leafHash rootHash hashes checkpoint }
    } checkpoint { origin treeSize rootHash note } }"""
    data = await client.data(query, id=seeded.evidence_id("sbom"))
    record = data["evidenceRecord"]
    assert (record["leafIndex"], record["kind"], record["status"]) == (2, "sbom", "VERIFIED")
    assert record["facts"] == {"criticals": 2}
    assert record["subjects"] == [{"name": "artifact", "digests": [f"sha256:{sha256_of('artifact')}"]}]
    assert record["verification"]["signer"] == {
        "__typename": "CertificateSigner",
        "issuer": "https://issuer.test",
        "identity": "https://git.test/org/repo/build.yml",
        "certificate": "sha256:" + "c" * 64,
        "label": "https://git.test/org/repo/build.yml",
    }
    assert record["verification"]["method"] == "CERTIFICATE"
    assert record["verification"]["trustRoot"] == BY_CERTIFICATE.trust_root
    assert record["verification"]["checks"] == list(BY_CERTIFICATE.checks)
    assert record["verification"]["signedAt"] == "2026-01-30T09:30:00Z"
    assert record["verification"]["verifiedAt"] == record["received"]
    assert b64decode(record["body"]["content"]) == b'{"body": "sbom"}'
    assert record["erased"] is False
    proof = record["proof"]
    leaf = b64decode(proof["leaf"])
    assert leaf_hash(leaf) == b64decode(proof["leafHash"])
    verify_inclusion(
        leaf_hash(leaf), 2, proof["treeSize"], [b64decode(one) for one in proof["hashes"]], b64decode(proof["rootHash"])
    )
    assert proof["rootHash"] == data["checkpoint"]["rootHash"]
    assert proof["checkpoint"] == data["checkpoint"]["note"]
    assert data["checkpoint"]["note"].splitlines()[:2] == ["log.test/acme", "7"]


async def test_key_signers_and_what_is_not_verified(client: GraphQLClient, seeded: Seeded) -> None:
    query = """{ evidence(first: 10, filter: {status: []}) { edges { node { kind verification { status method code
      message trustRoot signer { ... on KeySigner { keyId algorithm name label } } } } } } }"""
    found = {
        edge["node"]["kind"]: edge["node"]["verification"] for edge in (await client.data(query))["evidence"]["edges"]
    }
    assert found["test_result"]["method"] == "REGISTERED_KEY"
    assert found["test_result"]["signer"]["name"] == "ci"
    assert found["test_result"]["trustRoot"] == VERIFIED.trust_root
    assert (found["vulns"]["status"], found["vulns"]["code"], found["vulns"]["signer"]) == (
        "UNSIGNED",
        "unsigned",
        None,
    )
    assert found["provenance"]["status"] == "UNSUPPORTED"
    assert "intoto 0.0.2" in found["provenance"]["message"]
    assert len(seeded.receipts) == 7


async def test_lists_show_verified_evidence_unless_asked(client: GraphQLClient, seeded: Seeded) -> None:
    assert kinds((await client.data(f"{{evidence(first: 10) {KINDS}}}"))["evidence"]) == [
        *("release", "test_result", "sbom", "test_result", "release"),
    ]
    query = f"query ($filter: EvidenceFilter) {{evidence(first: 10, filter: $filter) {KINDS}}}"

    async def listed(**conditions: object) -> list[str]:
        return kinds((await client.data(query, filter=conditions))["evidence"])

    assert len(await listed(status=[])) == len(seeded.receipts)
    assert await listed(status=["UNSIGNED", "UNSUPPORTED"]) == ["vulns", "provenance"]
    assert await listed(kind=["sbom", "vulns"]) == ["sbom"]
    assert await listed(kind="sbom") == ["sbom"]
    assert await listed(subject=f"sha256:{sha256_of('other')}") == ["test_result"]
    assert await listed(predicateType="urn:example:sbom") == ["sbom"]
    assert await listed(release=seeded.evidence_id("release")) == ["release", "test_result", "sbom"]
    assert await listed(release=encode_id("Release", seeded.evidence_id("release-2"))) == ["release"]
    assert await listed(release=encode_id("Evidence", seeded.evidence_id("release"))) == []
    assert await listed(release="nonsense", kind="nothing") == []


async def test_pages_forward_and_backward_visit_everything_once(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($first: Int, $after: String, $last: Int, $before: String) {
      evidence(first: $first, after: $after, last: $last, before: $before, filter: {status: []}) {
        edges { cursor node { leafIndex } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    forward: list[int] = []
    backward: list[int] = []
    after = before = None
    for _ in range(3):
        page = (await client.data(query, first=3, after=after))["evidence"]
        forward += [edge["node"]["leafIndex"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["hasNextPage"] is (len(forward) < len(seeded.receipts))
        after = page["pageInfo"]["endCursor"]
        page = (await client.data(query, last=3, before=before))["evidence"]
        backward = [edge["node"]["leafIndex"] for edge in page["edges"]] + backward
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        before = page["pageInfo"]["startCursor"]
    assert forward == backward == list(range(len(seeded.receipts)))


async def test_an_empty_page_has_no_cursors(client: GraphQLClient) -> None:
    query = "{evidence(last: 5) {edges {cursor} pageInfo {hasNextPage hasPreviousPage startCursor endCursor}}}"
    assert (await client.data(query))["evidence"] == {
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    }


async def test_a_release_with_its_evidence_and_verdicts(client: GraphQLClient, seeded: Seeded) -> None:
    query = """{ release(name: "app", version: "1.0") { name version evidenceId leafIndex digests
      evidence(first: 10) { edges { node { kind } } }
      assessment { treeSize evaluatedAt catalogDigest policyDigest notes counts { outcome count }
        release { version }
        findings(first: 10) { edges { node { controlRef outcome raw satisfied because fix waiver
          control { ref title queries { kind where } }
          queries { kind where outcome population tested matched failed }
          evidence(first: 5) { edges { node { evidenceId } } }
          assessment { treeSize } } } }
        criteria(first: 10) { edges { node { frameworkRef ref outcome unmapped controls criterion { shown } } } } }
      assessments(first: 10) { edges { node { treeSize } } } } }"""
    release = (await client.data(query))["release"]
    assert kinds(release["evidence"]) == ["release", "test_result", "sbom"]
    assessment = release["assessment"]
    assert (assessment["treeSize"], assessment["evaluatedAt"]) == (5, "2026-01-30T09:30:00Z")
    assert assessment["catalogDigest"] == seeded.catalog.digest
    assert assessment["notes"] == ["waiver W-1 is over"]
    assert assessment["release"] == {"version": "1.0"}
    counts = {one["outcome"]: one["count"] for one in assessment["counts"]}
    assert len(counts) == 9
    assert (counts["PASS"], counts["FAIL"], counts["MISSING"]) == (1, 1, 0)
    passed, failed = (edge["node"] for edge in assessment["findings"]["edges"])
    assert (passed["controlRef"], passed["outcome"], passed["satisfied"]) == ("IG-AUT-1", "PASS", True)
    assert passed["control"]["title"] == "Tests pass"
    assert passed["queries"][0]["matched"] == [seeded.evidence_id("tests")]
    assert (failed["outcome"], failed["satisfied"], failed["fix"]) == ("FAIL", False, "Upgrade the components.")
    assert failed["evidence"]["edges"] == [{"node": {"evidenceId": seeded.evidence_id("sbom")}}]
    assert failed["assessment"] == {"treeSize": 5}
    unmapped, rolled = (edge["node"] for edge in assessment["criteria"]["edges"])
    assert (unmapped["ref"], unmapped["outcome"], unmapped["unmapped"]) == ("CC7.1", "NOT_RUN", True)
    assert (rolled["ref"], rolled["outcome"], rolled["criterion"]) == ("CC7.2", "FAIL", {"shown": "AICPA TSC CC7.2"})
    assert release["assessments"]["edges"] == [{"node": {"treeSize": 5}}]


async def test_findings_by_outcome(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($id: ID) { release(id: $id) { assessment {
      findings(first: 5, outcome: [FAIL, MISSING]) { edges { node { controlRef } } } } } }"""
    found = (await client.data(query, id=seeded.evidence_id("release")))["release"]["assessment"]["findings"]
    assert found == {"edges": [{"node": {"controlRef": "IG-SC-5"}}]}


async def test_releases_by_name_and_the_newest_of_a_name(client: GraphQLClient, seeded: Seeded) -> None:
    query = """{ newest: release(name: "app") { version } none: release(name: "app", version: "9") { version }
      releases(first: 5, name: "app") { edges { node { version leafIndex } } }
      others: releases(first: 5, name: "other") { edges { node { version } } } }"""
    data = await client.data(query)
    assert data["newest"] == {"version": "2.0"}
    assert data["none"] is None
    assert [edge["node"]["version"] for edge in data["releases"]["edges"]] == ["1.0", "2.0"]
    assert data["others"] == {"edges": []}
    assert await client.code("{release {name}}") == "release_not_named"
    assert await client.code('{release(id: "a", name: "b") {name}}') == "release_not_named"
    assert len(seeded.receipts) == 7


async def test_frameworks_lead_to_the_verdict_on_a_release(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($release: ID!) { frameworks { ref title }
      framework(id: "aicpa-tsc") { title edition licence credit aliases
        criterion(ref: "CC7.2") { shown }
        criteria(first: 5) { edges { node { ref title framework { ref }
          mappings { external relation narrative controls partial notes { control note } text alsoKnownAs
            reviewed { by on } }
          result(release: $release) { outcome unmapped }
          controls { ref criteria { shown } finding(release: $release) { outcome } } } } } } }"""
    data = await client.data(query, release=seeded.evidence_id("release"))
    assert data["frameworks"] == [{"ref": "aicpa-tsc", "title": "AICPA TSC"}]
    assert (data["framework"]["licence"], data["framework"]["credit"]) == ("own", "")
    unmapped, mapped = (edge["node"] for edge in data["framework"]["criteria"]["edges"])
    (mapping,) = mapped["mappings"]
    assert (mapping["notes"], mapping["text"]) == ([{"control": "IG-SC-5", "note": "components only"}], "own")
    assert (mapping["partial"], mapping["alsoKnownAs"]) == ([], ["CC7.2-POF1"])
    assert mapping["reviewed"] == {"by": "j.doe", "on": "2026-09-01"}
    assert (unmapped["controls"], unmapped["result"]) == ([], {"outcome": "NOT_RUN", "unmapped": True})
    assert mapped["result"] == {"outcome": "FAIL", "unmapped": False}
    assert [(one["ref"], one["finding"]) for one in mapped["controls"]] == [
        ("IG-AUT-1", {"outcome": "PASS"}),
        ("IG-SC-5", {"outcome": "FAIL"}),
    ]
    assert mapped["controls"][0]["criteria"] == [{"shown": "AICPA TSC CC7.2"}]
    assert mapped["mappings"][0]["relation"] == "relates_to"


async def test_controls(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($after: String) { controls(first: 1, after: $after) { edges { node { id ref state combine
      reviewed { by } queries { kind where atLeast per sampleSize sampleSeed onEmptyReason } } }
      pageInfo { hasNextPage endCursor } }
      control(id: "IG-SC-5") { title } absent: control(id: "IG-NOT-1") { title } }"""
    data = await client.data(query)
    assert data["control"] == {"title": "Supply chain"}
    assert data["absent"] is None
    first = data["controls"]
    assert first["edges"][0]["node"]["queries"] == [
        {"kind": "test_result", "where": "result==passed", "atLeast": 1, "per": "release"}
        | {"sampleSize": None, "sampleSeed": "", "onEmptyReason": ""}
    ]
    assert first["edges"][0]["node"]["reviewed"] is None
    second = (await client.data(query, after=first["pageInfo"]["endCursor"]))["controls"]
    assert second["edges"][0]["node"]["ref"] == "IG-SC-5"
    assert second["pageInfo"]["hasNextPage"] is False
    by_id = await client.data("query ($id: ID!) {control(id: $id) {ref}}", id=first["edges"][0]["node"]["id"])
    assert by_id == {"control": {"ref": "IG-AUT-1"}}
    assert len(seeded.receipts) == 7


async def test_every_node_is_found_by_its_id(client: GraphQLClient, seeded: Seeded) -> None:
    query = """{ release(name: "app", version: "1.0") { id evidence(first: 1) { edges { node { id } } }
      assessment { id findings(first: 1) { edges { node { id
        control { id criteria { id framework { id } } } } } } } } }"""
    release = (await client.data(query))["release"]
    finding = release["assessment"]["findings"]["edges"][0]["node"]
    criterion = finding["control"]["criteria"][0]
    ids = [
        *(release["id"], release["evidence"]["edges"][0]["node"]["id"], release["assessment"]["id"], finding["id"]),
        *(finding["control"]["id"], criterion["id"], criterion["framework"]["id"]),
    ]
    nodes = (await client.data("query ($ids: [ID!]!) {nodes(ids: $ids) {__typename id}}", ids=ids))["nodes"]
    assert [node["__typename"] for node in nodes] == [
        *("Release", "Evidence", "Assessment", "Finding", "Control", "Criterion", "Framework"),
    ]
    assert [node["id"] for node in nodes] == ids
    for node_id in ids:
        assert (await client.data("query ($id: ID!) {node(id: $id) {id}}", id=node_id)) == {"node": {"id": node_id}}
    assert await client.data("query ($id: ID!) {assessment(id: $id) {treeSize}}", id=ids[2]) == {
        "assessment": {"treeSize": 5}
    }
    assert await client.data("query ($id: ID!) {finding(id: $id) {controlRef}}", id=ids[3]) == {
        "finding": {"controlRef": "IG-AUT-1"}
    }
    assert len(seeded.receipts) == 7


async def test_proofs_by_evidence_and_by_leaf_at_every_size(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($leaf: Int, $id: String, $size: Int) { inclusionProof(leafIndex: $leaf, evidenceId: $id,
      treeSize: $size) { evidenceId leafIndex leafHash treeSize hashes rootHash checkpoint } }"""
    for size in range(1, len(seeded.receipts) + 1):
        for leaf in range(size):
            proof = (await client.data(query, leaf=leaf, size=size))["inclusionProof"]
            hashes = [b64decode(one) for one in proof["hashes"]]
            verify_inclusion(b64decode(proof["leafHash"]), leaf, size, hashes, b64decode(proof["rootHash"]))
            assert (proof["checkpoint"] is None) is (size < len(seeded.receipts))
        assert (await client.data(query, leaf=size, size=size))["inclusionProof"] is None
    by_id = (await client.data(query, id=seeded.evidence_id("scan")))["inclusionProof"]
    assert (by_id["leafIndex"], by_id["treeSize"]) == (3, 7)
    assert (await client.data(query, id="sha256:" + "0" * 64))["inclusionProof"] is None
    assert await client.code(query) == "leaf_not_named"
    assert await client.code(query, leaf=0, size=99) == "as_of_beyond_head"


async def test_who_is_asking(client: GraphQLClient) -> None:
    assert await client.data("{viewer {kind rights tenant {name}}}") == {
        "viewer": {"kind": "token", "rights": ["read"], "tenant": {"name": "acme"}}
    }


async def test_texts_that_name_nothing_are_null(client: GraphQLClient, seeded: Seeded) -> None:
    texts = ["", "x", "sha256:zz", b64encode(b"1:Evidence:").decode(), encode_id("Nothing", "a"), "\u00e9", "a" * 5000]
    for type_name in ("Evidence", "Release", "Assessment", "Finding", "Control", "Framework", "Criterion"):
        texts += [encode_id(type_name, key) for key in ("", "x", "sha256:" + "0" * 64, "a/b/c", "/", "sha256:00/x/y")]
    for text in texts:
        assert await client.data("query ($id: ID!) {node(id: $id) {id}}", id=text) == {"node": None}
        assert await client.data("query ($id: ID!) {evidenceRecord(id: $id) {id}}", id=text) == {"evidenceRecord": None}
    assert len(seeded.receipts) == 7
