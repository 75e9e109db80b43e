"""Containers: one member is that member, several are for a batch, and what only looks like one is said to be broken."""

from typing import Any

import orjson
import pytest

from evidence_api.domain.digest import sha256_hex
from evidence_api.domain.errors import EvidenceError
from evidence_api.formats import upload
from evidence_api.formats.upload import AttestationUpload, BundleUpload, DocumentUpload, EnvelopeUpload
from tests.support.sigstore_factory import Sigstore

WORLD = Sigstore()
BUNDLE = WORLD.of_statement()
ENVELOPE = BUNDLE["dsseEnvelope"]
ATTESTATION = {
    "version": 1,
    "verification_material": {
        "certificate": BUNDLE["verificationMaterial"]["certificate"]["rawBytes"],
        "transparency_entries": BUNDLE["verificationMaterial"]["tlogEntries"],
    },
    "envelope": {"statement": ENVELOPE["payload"], "signature": ENVELOPE["signatures"][0]["sig"]},
}
JUNIT = b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by a tool -->\n<testsuites/>"
BOM = b'{"bomFormat":"CycloneDX","specVersion":"1.5"}'


def provenance(count: int) -> dict[str, Any]:
    return {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": [ATTESTATION] * count}]}


@pytest.mark.parametrize(
    ("document", "form"),
    [
        ({"bundle": BUNDLE, "repository_id": 1}, BundleUpload),
        ({"attestations": [{"bundle": BUNDLE, "repository_id": 1}]}, BundleUpload),
        ({"attestations": [{"predicateType": "https://example.com/predicate/v1", "bundle": BUNDLE}]}, BundleUpload),
        ({"bundle": ENVELOPE}, EnvelopeUpload),
        (provenance(1), AttestationUpload),
    ],
)
def test_a_container_of_one_is_named_as_its_member(document: dict[str, Any], form: type) -> None:
    found = upload.recognise(orjson.dumps(document))
    assert isinstance(found, form)
    assert found.media_type == "application/json"  # what was received is the container
    assert upload.identity(found) == upload.identity(upload.recognise(orjson.dumps(ENVELOPE)))


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (orjson.dumps({"attestations": [{"bundle": BUNDLE}] * 3}), 3),
        (orjson.dumps(provenance(2)), 2),
        (b"\n".join([orjson.dumps(BUNDLE)] * 4), 4),
        (b"\r\n".join([orjson.dumps(BUNDLE), b"", orjson.dumps(ENVELOPE), b""]), 2),
    ],
)
def test_several_are_refused_with_the_way_to_send_them_and_can_be_split(body: bytes, count: int) -> None:
    with pytest.raises(EvidenceError) as caught:
        upload.recognise(body)
    assert (caught.value.code, caught.value.fields) == ("several_members", {"limit": 1, "value": count})
    assert "application/x-ndjson" in caught.value.message
    assert len(upload.members(body)) == count
    for member in upload.members(body):
        upload.recognise(member)


@pytest.mark.parametrize(
    "document",
    [
        {"attestations": []},
        {"attestations": [{"bundle": None, "bundle_url": "https://ci.example/1"}]},
        {"attestations": [{"bundle": {}}]},
        {"bundle": {}},
        {"bundle": {"bundle": BUNDLE}},
        {"bundle": []},
        {"attestations": {}},
    ],
)
def test_what_holds_no_attestation_is_malformed(document: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError) as caught:
        upload.recognise(orjson.dumps(document))
    assert caught.value.code == "malformed"
    assert caught.value.fields["path"]


@pytest.mark.parametrize(("body", "name"), [(JUNIT, "junit"), (BOM, "cyclonedx"), (b" \n " + BOM, "cyclonedx")])
def test_raw_documents_are_named_by_their_type_and_bytes(body: bytes, name: str) -> None:
    found = upload.recognise(body)
    assert isinstance(found, DocumentUpload)
    assert (found.type, found.body) == (name, body)
    expected = orjson.dumps({"document": {"sha256": sha256_hex(body), "type": name}})
    assert upload.identity(found) == f"sha256:{sha256_hex(expected)}"
    assert upload.members(body) == (body,)
    assert upload.identity(upload.recognise(body + b"\n")) != upload.identity(found)


@pytest.mark.parametrize("body", [b"", b"\n", b"<", b"<html/>", b"[]", b"{}", b"null", b'{"neither":1}', b"{\n{}\n"])
def test_what_is_nothing_we_know_is_malformed(body: bytes) -> None:
    with pytest.raises(EvidenceError) as caught:
        upload.recognise(body)
    assert caught.value.code == "malformed"
