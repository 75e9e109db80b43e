"""The vector printed in DSSE's protocol.md, and its neighbours that must not verify."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from evidence_api.domain.verification import Failed, Verified
from evidence_api.engines import keys
from evidence_api.formats import dsse
from tests.support.conformance import cases, suite

SUITE = "dsse"


@pytest.mark.conformance
def test_the_printed_vectors_verify_over_the_pae_and_over_nothing_else() -> None:
    seen = 0
    for case in cases(SUITE):
        vector = json.loads((suite(SUITE) / case["files"][0]).read_text())
        point = vector["public_key"]
        key = keys.public_key(ec.EllipticCurvePublicNumbers(point["x"], point["y"], ec.SECP256R1()).public_key())
        envelope = dsse.parse_envelope(vector["envelope"])
        assert dsse.pae(envelope.payload_type, envelope.payload).decode() == vector["pae"]
        assert isinstance(keys.verify_envelope(envelope, (key,)), Verified)
        for change in ({"payload": base64.b64encode(b"hello worlD").decode()}, {"payloadType": "x"}):
            changed = dsse.parse_envelope(vector["envelope"] | change)
            assert isinstance(keys.verify_envelope(changed, (key,)), Failed)
        seen += 1
    assert seen
