"""DSSE envelopes: fields, base64 in both alphabets, PAE, identity."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, TooLarge, ZeroSignatures
from evidence_api.formats import dsse
from evidence_api.formats.dsse import Envelope, Signature
from tests.support.outcomes import outcome

ENVELOPE = Envelope(
    "application/vnd.in-toto+json", b'{"a": "\xff"}', (Signature("k", b"\xfb\xff"), Signature("", b"s"))
)
SIGNATURES = st.lists(
    st.builds(Signature, st.text(max_size=5), st.binary(min_size=1, max_size=8)), min_size=1, max_size=16
)


def document(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    found: dict[str, Any] = orjson.loads(dsse.encode_envelope(ENVELOPE))
    return found | changes


@given(st.text(min_size=1, max_size=20), st.binary(max_size=40), SIGNATURES)
@settings(max_examples=100, deadline=None)
def test_what_is_written_reads_back_and_keeps_its_name(kind: str, payload: bytes, signatures: list[Signature]) -> None:
    envelope = Envelope(kind, payload, tuple(signatures))
    read = dsse.parse_envelope(orjson.loads(dsse.encode_envelope(envelope)))
    assert read == envelope
    assert dsse.identity_of(read) == dsse.identity_of(Envelope(kind, payload, tuple(reversed(signatures))))


def test_url_safe_base64_and_unknown_fields_name_the_same_evidence() -> None:
    spelt = document(payload=base64.urlsafe_b64encode(ENVELOPE.payload).decode(), extra={"ignored": 1})
    spelt["signatures"] = [
        {"keyid": one.keyid, "sig": base64.urlsafe_b64encode(one.sig).decode()} for one in reversed(ENVELOPE.signatures)
    ]
    assert dsse.identity_of(dsse.parse_envelope(spelt)) == dsse.identity_of(ENVELOPE)


def test_identity_covers_type_payload_and_signatures() -> None:
    names = {
        dsse.identity_of(one)
        for one in (
            ENVELOPE,
            Envelope("text/plain", ENVELOPE.payload, ENVELOPE.signatures),
            Envelope(ENVELOPE.payload_type, b"{}", ENVELOPE.signatures),
            Envelope(ENVELOPE.payload_type, ENVELOPE.payload, ENVELOPE.signatures[:1]),
        )
    }
    assert len(names) == 4


def test_pae_counts_bytes() -> None:
    assert dsse.pae("tüp", b"x y") == b"DSSEv1 4 t\xc3\xbcp 3 x y"


def test_a_missing_key_id_is_empty() -> None:
    assert dsse.parse_envelope(document(signatures=[{"sig": "cw=="}])).signatures == (Signature("", b"s"),)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"payload": None}, "payload"),
        ({"payload": "e30"}, "payload"),
        ({"payload": "e3 0="}, "payload"),
        ({"payloadType": 1}, "payloadType"),
        ({"payloadType": ""}, "payloadType"),
        ({"signatures": {}}, "signatures"),
        ({"signatures": ["x"]}, "signatures[0]"),
        ({"signatures": [{"sig": "cw=="}, {"keyid": "a"}]}, "signatures[1].sig"),
        ({"signatures": [{"sig": ""}]}, "signatures[0].sig"),
        ({"signatures": [{"sig": "cw==", "keyid": 3}]}, "signatures[0].keyid"),
    ],
)
def test_malformed_says_where(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        dsse.parse_envelope(document(**change))
    assert caught.value.fields["path"] == path


def test_zero_and_too_many_signatures_are_told_apart() -> None:
    with pytest.raises(ZeroSignatures) as none:
        dsse.parse_envelope(document(signatures=[]))
    assert none.value.code == "zero_signatures"
    with pytest.raises(TooLarge) as many:
        dsse.parse_envelope(document(signatures=[{"sig": "cw=="}] * 17))
    assert (many.value.fields["limit"], many.value.fields["value"]) == (16, 17)


@given(
    st.dictionaries(
        st.sampled_from(["payload", "payloadType", "signatures"]),
        st.none()
        | st.integers()
        | st.text(max_size=6)
        | st.lists(st.dictionaries(st.sampled_from(["sig", "keyid"]), st.text())),
    )
)
@settings(max_examples=200, deadline=None)
def test_any_document_gives_an_envelope_or_a_coded_refusal(found: dict[str, Any]) -> None:
    assert outcome(lambda: dsse.parse_envelope(found)) in {"ok", "malformed", "zero_signatures", "too_large"}
