"""Statements printed in the in-toto specification, and the resource descriptors of its Go tests."""

import json
import re
from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import parse_statement, read_resource, read_statement
from tests.support.conformance import cases, show_table, suite

SUITE = "in-toto-attestation"
SUBJECT = {"name": "a", "digest": {"sha256": "a" * 64}}
ABBREVIATED = re.compile(r"\.\.\.$")


def read(body: bytes) -> None:
    """As what it is: a statement, a provenance predicate, or a resource descriptor. Raises Malformed."""
    document = json.loads(body)
    if "_type" in document:
        parse_statement(body)
    elif "buildDefinition" in document:
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [SUBJECT],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": document,
        }
        assert normalise(read_statement(statement), len(body)).kind == "provenance"
    else:
        read_resource(document, "resource")


def refusal(body: bytes) -> str:
    """Why it is refused, "" if it is read."""
    try:
        read(body)
    except Malformed as fault:
        return fault.message
    return ""


def abbreviates(document: dict[str, Any]) -> bool:
    """Whether a subject's digest is cut short with dots, as in prose: a picture of a digest, not one."""
    digests = [one.get("digest", {}) for one in document.get("subject", ())]
    return any(ABBREVIATED.search(str(value)) for digest in digests for value in digest.values())


@pytest.mark.conformance
def test_every_shared_case_is_read_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong, skipped = 0, [], []
    for case in cases(SUITE):
        body = (suite(SUITE) / case["files"][0]).read_bytes()
        answer = "invalid" if (fault := refusal(body)) else "valid"
        if answer == case["expect"].split()[0]:
            right += 1
        elif fault.startswith("subject[") and abbreviates(json.loads(body)):
            skipped.append(f"{case['case']}: {fault}")
        else:
            wrong.append((case["case"], case["expect"], answer))
    title = f"{SUITE}: right {right}, wrong {len(wrong)}, skipped {len(skipped)} (digests abbreviated in prose)"
    show_table(capsys, title, skipped)
    assert not wrong
    assert right
