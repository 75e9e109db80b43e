"""Everything a server takes, mixed: envelopes, raw documents, batches with a bad line, decision logs, artifacts."""

import gzip
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import encode_envelope
from tests.support import statements

NDJSON = "application/x-ndjson"
_LARGE = 1_200_000  # bytes: an artifact that does not fit a row


@dataclass(frozen=True)
class Sent:
    """One request, and what its whole answer acknowledges."""

    method: str
    path: str
    body: bytes
    content_type: str = "application/json"
    encoding: str = ""
    batch: bool = False
    artifact: str = ""

    def acknowledged(self, status: int, answer: bytes) -> tuple[list[dict[str, Any]], list[str]]:
        """Receipts and artifact digests."""
        if self.batch:
            assert status == 200, answer
            results = [json.loads(line) for line in answer.splitlines()]
            assert [result["status"] for result in results] == [201, 422, 201, 201], answer
            return [result["receipt"] for result in results if "receipt" in result], []
        if self.artifact:
            assert status in {200, 201}, answer
            return [], [self.artifact]
        if self.encoding:
            assert (status, json.loads(answer)["new"]) == (200, 2), answer
            return [], []
        assert status == 201, answer
        return [json.loads(answer)], []


def mixed(signer: EnvelopeSigner, subject: str) -> Iterator[Sent]:
    """Requests in turns, each with content of its own, for ever."""

    def envelope(name: str) -> bytes:
        statement = statements.test_result(subject, passed=[name])
        return encode_envelope(signer.sign("application/vnd.in-toto+json", json.dumps(statement).encode()))

    for number in itertools.count():
        yield Sent("POST", "/v1/evidence", envelope(f"single-{number}"))
        yield Sent("POST", "/v1/evidence", _bom(number))
        first, second, third = (envelope(f"batch-{number}-{turn}") for turn in range(3))
        lines = b"\n".join((first, b'{"payloadType": "x", "payload": 1, "signatures": []}', second, third))
        yield Sent("POST", "/v1/evidence", lines, NDJSON, batch=True)
        yield Sent("POST", "/v1/evidence", envelope(f"again-{number}"))
        yield Sent("POST", "/v1/decision-logs", gzip.compress(_decisions(number)), encoding="gzip")
        content = f"artifact {number} ".encode() * (_LARGE // 12 if number % 5 == 0 else 10)
        digest = f"sha256:{sha256(content).hexdigest()}"
        yield Sent("PUT", f"/v1/artifacts/{digest}", content, "application/octet-stream", artifact=digest)


def _bom(number: int) -> bytes:
    serial = f"urn:uuid:00000000-0000-4000-8000-{number:012x}"
    component = {"type": "library", "name": "left", "version": f"1.{number}", "purl": f"pkg:npm/left@1.{number}"}
    return json.dumps(
        {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": serial, "components": [component]}
    ).encode()


def _decisions(number: int) -> bytes:
    return json.dumps(
        [
            {
                "decision_id": f"{number:08x}-{turn}",
                "labels": {"id": "1", "version": "1.0"},
                "path": "release/allow",
                "input": {"number": number},
                "result": True,
                "timestamp": "2026-01-02T03:04:05Z",
            }
            for turn in range(2)
        ]
    ).encode()
