import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.predicates import READERS, normalise
from evidence_api.formats.statement import parse_statement
from tests.support.conformance import cases, suite
from tests.support.facts import assert_facts_fit

pytestmark = pytest.mark.conformance

BUILD = "https://slsa.dev/provenance/"


def documents(path: Path) -> Iterator[Any]:
    """The JSON values of a file or of its lines."""
    text = path.read_text()
    try:
        yield json.loads(text)
    except ValueError:
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                return


def payloads(document: Any) -> Iterator[bytes]:  # noqa: ANN401  any JSON
    """What any DSSE-like `payload` inside says, in either alphabet of base64."""
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if isinstance(value.get("payload"), str):
                text = value["payload"].replace("-", "+").replace("_", "/")
                try:
                    yield base64.b64decode(text + "=" * (-len(text) % 4))
                except binascii.Error:
                    continue
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def read_all(found: Iterator[bytes], counted: Counter[str]) -> None:
    for payload in found:
        try:
            statement = parse_statement(payload)
        except EvidenceError as refusal:
            assert refusal.code in {"malformed", "too_large"}  # noqa: PT017  a refusal is an outcome here
            counted["no statement, refused with a code"] += 1
            continue
        normalised = normalise(statement, len(payload))  # what is a statement must be readable
        assert_facts_fit(normalised.kind, normalised.facts)
        counted[f"read as {normalised.kind}"] += 1
        if statement.predicate_type.startswith(BUILD) and statement.predicate_type in READERS:
            assert normalised.kind == "provenance"
            counted["provenance with a source" if normalised.sources else "provenance without a source"] += 1


def show(name: str, counted: Counter[str]) -> None:
    print(f"\n{name}:", ", ".join(f"{count} {what}" for what, count in sorted(counted.items())))  # noqa: T201  the table is the report


def test_every_statement_of_real_provenance_is_read() -> None:
    folder, counted = suite("slsa-verifier"), Counter[str]()
    for case in cases("slsa-verifier"):
        for name in case["files"]:
            for document in documents(folder / name):
                read_all(payloads(document), counted)
    show("slsa-verifier", counted)
    assert counted["read as provenance"] > 100
    # the suite holds a few payloads damaged on purpose
    assert counted["no statement, refused with a code"] < counted["read as provenance"] / 10


def test_statements_of_the_specification() -> None:
    folder, counted = suite("in-toto-attestation"), Counter[str]()
    for case in cases("in-toto-attestation"):
        content = (folder / case["files"][0]).read_bytes()
        if "_type" not in json.loads(content):
            counted["skipped (not a statement)"] += 1
            continue
        read_all(iter([content]), counted)
    show("in-toto-attestation", counted)
    assert counted["read as statement"] + counted["no statement, refused with a code"] > 0


def test_predicates_and_descriptors_of_the_reference_tests() -> None:
    """A provenance predicate is read as it stands; a resource descriptor as a dependency of one."""
    folder, counted, wrong = suite("in-toto-attestation"), Counter[str](), []
    for case in cases("in-toto-attestation"):
        document = json.loads((folder / case["files"][0]).read_bytes())
        if "_type" in document or case["expect"] not in {"valid", "invalid"}:
            continue
        predicate = document
        if "buildDefinition" not in document:
            definition = {"buildType": "t", "externalParameters": {}, "resolvedDependencies": [document]}
            predicate = {"buildDefinition": definition, "runDetails": {"builder": {"id": "b"}}}
        right = readable(predicate) == (case["expect"] == "valid")
        counted["right" if right else "wrong"] += 1
        if not right:
            wrong.append(case["case"])
    show("in-toto-attestation predicates", counted)
    assert not wrong
    assert counted["right"] > 0


def readable(predicate: dict[str, Any]) -> bool:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": "ab" * 32}}],
        "predicateType": BUILD + "v1",
        "predicate": predicate,
    }
    payload = json.dumps(statement).encode()
    try:
        normalise(parse_statement(payload), len(payload))
    except EvidenceError as refusal:
        assert refusal.code == "malformed"  # noqa: PT017  a refusal is an outcome here
        return False
    return True
