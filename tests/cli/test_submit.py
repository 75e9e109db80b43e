"""Submitting: what the server answers is believed only where it proves itself."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.cli import main, output
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.merkle import Frontier, Prover, grow, leaf_hash
from evidence_api.engines.keys import EnvelopeSigner, NoteSigner
from evidence_api.formats.checkpoint import Checkpoint, NoteVerifier, checkpoint_text, format_note
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.formats.leaf import leaf_bytes
from evidence_api.formats.receipt import receipt_to_json
from evidence_api.formats.upload import identity, recognise

AT = datetime(2026, 5, 4, tzinfo=UTC)
Answer = tuple[int, dict[str, Any]]


class Log:
    """A log of evidence ids that signs its checkpoints: what a server's receipts are made of."""

    def __init__(self) -> None:
        self.signer = NoteSigner.generate()
        self.verifier = NoteVerifier("log.example/t", self.signer.public_key)
        self.leaves = [leaf_bytes("sha256:" + "0" * 64, AT, "sbom")]

    def receipt(self, body: bytes) -> dict[str, Any]:
        evidence_id = identity(recognise(body))
        self.leaves.append(leaf_bytes(evidence_id, AT, "statement"))
        growth = grow(Frontier(), map(leaf_hash, self.leaves))
        size, index = len(self.leaves), len(self.leaves) - 1
        text = checkpoint_text(Checkpoint(self.verifier.name, size, growth.frontier.root()))
        note = format_note(text, self.verifier, self.signer.sign(text))
        proof = Prover(size, growth.node).inclusion(index)
        return receipt_to_json(Receipt(evidence_id, index, size, self.leaves[index], proof, note))


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[bytes], Answer]], str]]:
    """Start a server on loopback that answers uploads as it is told."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[bytes], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, document = answer(body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(orjson.dumps(document))

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def envelope(tmp_path: Path) -> Path:
    payload = b'{"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": "t", "predicate": {}}'
    path = tmp_path / "e.json"
    path.write_bytes(encode_envelope(EnvelopeSigner.generate("ecdsa-p256").sign(IN_TOTO, payload)))
    return path


def send(path: Path, url: str, *more: str) -> int:
    return main.main(["submit", str(path), "--server", url, "--token", "evs_x", *more])


def test_a_receipt_is_proved_and_its_checkpoint_checked(
    serve: Callable[..., str], envelope: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    url = serve(lambda body: (201, log.receipt(body)))
    assert send(envelope, url, "--json", "--log-key", str(log.verifier)) == output.OK
    result = orjson.loads(capsys.readouterr().out)["results"][0]
    assert (result["proved"], result["signed"]) == (True, True)
    assert result["receipt"]["leafIndex"] == 1
    assert send(envelope, url) == output.OK
    assert "signature was not checked" in capsys.readouterr().err


def other_evidence(receipt: dict[str, Any]) -> None:
    receipt["evidenceId"] = "sha256:" + "1" * 64


def other_leaf(receipt: dict[str, Any]) -> None:
    receipt["leafIndex"] = 0


def other_proof(receipt: dict[str, Any]) -> None:
    receipt["inclusionProof"] = ["A" * 43 + "="]


@pytest.mark.parametrize("key", [True, False], ids=["with the key", "without"])
@pytest.mark.parametrize(
    ("change", "code"),
    [(other_evidence, "receipt"), (other_leaf, "inclusion_proof"), (other_proof, "inclusion_proof")],
)
def test_a_receipt_that_proves_something_else_is_an_error(  # noqa: PLR0913, PLR0917  fixtures
    serve: Callable[..., str],
    envelope: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    code: str,
    key: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    log = Log()

    def answer(body: bytes) -> Answer:
        receipt = log.receipt(body)
        change(receipt)
        return 201, receipt

    more = ["--log-key", str(log.verifier)] if key else []
    assert send(envelope, serve(answer), "--json", *more) == output.NO
    assert orjson.loads(capsys.readouterr().out)["results"][0]["error"]["code"] == code


def test_a_checkpoint_of_another_log_is_an_error(
    serve: Callable[..., str], envelope: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    url = serve(lambda body: (201, log.receipt(body)))
    assert send(envelope, url, "--log-key", str(Log().verifier)) == output.NO
    assert "unknown_key" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "exit_code"), [(422, output.NO), (401, output.NO), (503, output.UNDECIDED)])
def test_a_refusal_keeps_the_servers_code(
    serve: Callable[..., str], envelope: Path, capsys: pytest.CaptureFixture[str], status: int, exit_code: int
) -> None:
    url = serve(lambda _: (status, {"code": "some_code", "detail": "why", "status": status, "limit": 7}))
    assert send(envelope, url, "--json") == exit_code
    error = orjson.loads(capsys.readouterr().out)["results"][0]["error"]
    assert error == {"code": "some_code", "message": "why", "fields": {"limit": 7}}


def test_one_bad_file_does_not_stop_the_next(
    serve: Callable[..., str], envelope: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    url = serve(lambda body: (201, log.receipt(body)))
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    command = ["submit", str(bad), str(envelope), "--server", url, "--token", "evs_x", "--json"]
    assert main.main(command) == output.NO
    first, second = orjson.loads(capsys.readouterr().out)["results"]
    assert first["error"]["code"] == "malformed"
    assert second["proved"] is True


def test_nobody_there(envelope: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(envelope, "http://127.0.0.1:9", "--json") == output.UNDECIDED
    assert orjson.loads(capsys.readouterr().out)["results"][0]["error"]["code"] == "unreachable"


def test_a_server_that_is_not_ours(
    serve: Callable[..., str], envelope: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(envelope, serve(lambda _: (404, {"detail": "no"})), "--json") == output.UNDECIDED
    assert orjson.loads(capsys.readouterr().out)["results"][0]["error"]["code"] == "not_our_server"
