"""Upload forms: a closed set, told apart by shape; one identity whatever the container."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, ZeroSignatures
from evidence_api.formats import upload
from evidence_api.formats.upload import AttestationUpload, BundleUpload, EnvelopeUpload, StatementUpload
from tests.support.outcomes import outcome
from tests.support.sigstore_factory import STATEMENT, V01, V02, V03, V03_OLD, Sigstore, entry_of

WORLD = Sigstore()
BUNDLE = WORLD.of_statement()
MESSAGE = WORLD.of_message()
ATTESTATION = {
    "version": 1,
    "verification_material": {
        "certificate": BUNDLE["verificationMaterial"]["certificate"]["rawBytes"],
        "transparency_entries": BUNDLE["verificationMaterial"]["tlogEntries"],
    },
    "envelope": {
        "statement": BUNDLE["dsseEnvelope"]["payload"],
        "signature": BUNDLE["dsseEnvelope"]["signatures"][0]["sig"],
    },
}


def recognise(document: Any) -> upload.Upload:  # noqa: ANN401  any JSON
    return upload.recognise(orjson.dumps(document))


def test_each_form_is_recognised() -> None:
    assert isinstance(recognise(BUNDLE["dsseEnvelope"]), EnvelopeUpload)
    assert isinstance(recognise(BUNDLE), BundleUpload)
    assert isinstance(recognise(ATTESTATION), AttestationUpload)
    assert isinstance(upload.recognise(STATEMENT), StatementUpload)


@pytest.mark.parametrize(("media_type", "version"), [(V01, "0.1"), (V02, "0.2"), (V03_OLD, "0.3"), (V03, "0.3")])
def test_bundle_versions(media_type: str, version: str) -> None:
    found = recognise(WORLD.of_statement(media_type=media_type))
    assert isinstance(found, BundleUpload)
    assert (found.version, found.log_entries, found.managed_key) == (version, ("dsse 0.0.1",), None)
    assert found.media_type == media_type


def test_an_envelope_has_one_identity_in_every_container() -> None:
    spelt = orjson.dumps(BUNDLE, option=orjson.OPT_INDENT_2)
    names = {
        upload.identity(found)
        for found in (
            recognise(BUNDLE["dsseEnvelope"]),
            recognise(BUNDLE),
            upload.recognise(spelt),
            recognise(ATTESTATION),
        )
    }
    assert len(names) == 1


def test_signatures_and_bare_statements_are_named_by_their_content() -> None:
    again = dict(MESSAGE, verificationMaterial=BUNDLE["verificationMaterial"])
    assert upload.identity(recognise(MESSAGE)) == upload.identity(recognise(again))
    spelt = orjson.dumps(orjson.loads(STATEMENT), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    assert upload.identity(upload.recognise(spelt)) == upload.identity(upload.recognise(STATEMENT))


@pytest.mark.parametrize(("hint", "expected"), [({"hint": "abc"}, "abc"), ({}, ""), ({"hint": None}, ""), (None, "")])
def test_a_managed_key_is_told_by_its_hint(hint: Any, expected: str) -> None:  # noqa: ANN401  any JSON
    document = dict(MESSAGE, verificationMaterial={"publicKey": hint, "tlogEntries": [entry_of(MESSAGE)]})
    found = recognise(document)
    assert isinstance(found, BundleUpload)
    assert found.managed_key == expected


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"mediaType": V03},
        dict(BUNDLE, mediaType="application/vnd.dev.sigstore.bundle+json;version=0.9"),
        dict(BUNDLE, mediaType=None),
        dict(BUNDLE, verificationMaterial=[]),
        dict(BUNDLE, messageSignature=MESSAGE["messageSignature"]),
        {key: value for key, value in BUNDLE.items() if key != "dsseEnvelope"},
        dict(BUNDLE, dsseEnvelope="x"),
        dict(MESSAGE, messageSignature={"signature": "AA=="}),
        dict(MESSAGE, messageSignature=[]),
        dict(ATTESTATION, version=2),
        dict(ATTESTATION, version=True),
        dict(ATTESTATION, envelope=None),
        dict(ATTESTATION, envelope={"statement": 1, "signature": "AA=="}),
        dict(ATTESTATION, verification_material={"certificate": "AA==", "transparency_entries": []}),
    ],
)
def test_other_shapes_are_malformed(document: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        recognise(document)


def test_an_envelope_nobody_signed_is_refused_alone_and_in_a_bundle() -> None:
    unsigned = dict(BUNDLE["dsseEnvelope"], signatures=[])
    for document in (unsigned, dict(BUNDLE, dsseEnvelope=unsigned)):
        with pytest.raises(ZeroSignatures):
            recognise(document)


def test_containers_are_split_and_other_documents_are_not() -> None:
    provenance = {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": [ATTESTATION, ATTESTATION]}]}
    assert [orjson.loads(one) for one in upload.members(orjson.dumps(provenance))] == [ATTESTATION, ATTESTATION]
    listed = {"attestations": [{"predicateType": "https://example.com/predicate/v1", "bundle": BUNDLE}]}
    assert [orjson.loads(one) for one in upload.members(orjson.dumps(listed))] == [BUNDLE]
    body = orjson.dumps(BUNDLE)
    assert upload.members(body) == (body,)


@pytest.mark.parametrize(
    "document",
    [
        {"version": 1, "attestation_bundles": []},
        {"version": 1, "attestation_bundles": [{"attestations": None}]},
        {"version": 1, "attestation_bundles": None},
        {"version": 3, "attestation_bundles": []},
        {"attestations": [{"bundle": None}]},
        {"attestations": [{"predicateType": "https://example.com/another/v1", "bundle": BUNDLE}]},
        {"attestations": ["x"]},
    ],
)
def test_broken_containers_are_malformed(document: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        upload.members(orjson.dumps(document))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_bundle_with_any_part_replaced_gives_an_upload_or_a_coded_refusal(data: st.DataObject) -> None:
    document = orjson.loads(orjson.dumps(data.draw(st.sampled_from([BUNDLE, MESSAGE, ATTESTATION]))))
    place = document
    while isinstance(place, dict) and data.draw(st.booleans()):
        place = place[data.draw(st.sampled_from(sorted(place)))]
    if isinstance(place, dict) and place:
        place[data.draw(st.sampled_from(sorted(place)))] = data.draw(
            st.none() | st.integers(-9, 2**63) | st.text(max_size=4) | st.just([]) | st.just({}) | st.just([{}])
        )
    assert outcome(lambda: upload.identity(recognise(document))) in {"ok", "malformed", "too_large", "zero_signatures"}
