"""PEP 740 attestation objects become the bundle they say, with nothing signed changed."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.formats import pep740
from tests.support.outcomes import outcome

ATTESTATION: dict[str, Any] = {
    "version": 1,
    "verification_material": {"certificate": "Y2VydA==", "transparency_entries": [{"logIndex": "1"}]},
    "envelope": {"statement": "e30=", "signature": "c2ln"},
}


def test_each_part_goes_to_its_place() -> None:
    assert pep740.to_bundle(ATTESTATION) == {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"certificate": {"rawBytes": "Y2VydA=="}, "tlogEntries": [{"logIndex": "1"}]},
        "dsseEnvelope": {
            "payload": "e30=",
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": "c2ln"}],
        },
    }


def test_shapes_are_told_apart() -> None:
    assert pep740.is_attestation(ATTESTATION)
    assert not pep740.is_provenance(ATTESTATION)
    assert pep740.is_provenance({"version": 1, "attestation_bundles": []})


def test_a_provenance_object_gives_its_attestations_in_order() -> None:
    one, two = dict(ATTESTATION, n=1), dict(ATTESTATION, n=2)
    bundles = [{"publisher": {}, "attestations": [one]}, {"publisher": {}, "attestations": [two]}]
    assert pep740.attestations_of({"version": 1, "attestation_bundles": bundles}) == (one, two)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_part_replaced_is_read_or_malformed(data: st.DataObject) -> None:
    document = {key: dict(value) if isinstance(value, dict) else value for key, value in ATTESTATION.items()}
    place = data.draw(st.sampled_from([document, document["verification_material"], document["envelope"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(
        st.none() | st.booleans() | st.integers(0, 2) | st.text(max_size=2) | st.just([]) | st.just({})
    )
    assert outcome(lambda: pep740.to_bundle(document)) in {"ok", "malformed"}
    if document["version"] != 1 or isinstance(document["version"], bool):
        assert outcome(lambda: pep740.to_bundle(document)) == "malformed"
