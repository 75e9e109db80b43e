"""RFC 9421 as others test it: the examples of its appendix B, and requests of signed agents."""

import base64
import json
from typing import Any

import pytest

from evidence_api.engines.http_signatures import RegisteredKey
from evidence_api.formats.http_message import Message
from evidence_api.formats.http_signature import signature_base, signatures
from tests.support.conformance import cases, show_table, suite
from tests.support.signed_messages import is_signed, key_of, message_of

SUITE = "rfc9421"


def keys_of(document: dict[str, Any], algorithm: str) -> dict[str, RegisteredKey]:
    secret = RegisteredKey("hmac-sha256", base64.b64decode(document["test-shared-secret"]))
    public = {name: key_of(pem) for name, pem in document["public_keys"].items()}
    if algorithm == "rsa-v1_5-sha256":
        public = {name: key_of(pem, algorithm) for name, pem in document["public_keys"].items() if "rsa" in name}
    return {"test-shared-secret": secret, **public}


def message(case: dict[str, Any]) -> Message:
    return message_of(case["message"]["start_line"], case["message"]["headers"])


@pytest.mark.conformance
def test_every_shared_example_is_decided_as_expected(capsys: pytest.CaptureFixture[str]) -> None:
    folder = suite(SUITE)
    keys = json.loads((folder / "keys.json").read_text())
    wrong, right = [], 0
    for case in cases(SUITE):
        example = json.loads((folder / case["files"][0]).read_text())
        found = message(example)
        answer = "accept" if is_signed(found, example["label"], keys_of(keys, example["alg"])) else "reject"
        base = example["signature_base"]
        described = {one.label: one.input for one in signatures(found)}[example["label"]]
        fits = base is None or signature_base(found, described).decode() == base
        right += answer == case["expect"] and fits
        if answer != case["expect"] or not fits:
            wrong.append(f"{case['case']}: {answer}, base {'fits' if fits else 'differs'}")
    show_table(capsys, f"{SUITE}: right {right}, wrong {len(wrong)}, skipped 0", wrong)
    assert not wrong
    assert right > 0
