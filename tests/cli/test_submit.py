"""Submitting: what the server answers is believed only where it proves itself."""

import gzip
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from evidence_api.cli import credentials, main, output, sending
from evidence_api.cli.client import Client
from evidence_api.domain.errors import Undecided
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


def line_of(number: int, status: int, document: dict[str, Any]) -> dict[str, Any]:
    """One line of a batch's answer."""
    name = "receipt" if status < 300 else "problem"
    return {"line": number, "status": status, name: document}


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[bytes], Answer]], str]]:
    """Start a server on loopback that answers uploads as it is told."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[bytes], Answer], seen: list[tuple[str, str, int]] | None = None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                batch = self.headers["Content-Type"] == "application/x-ndjson"
                lines = body.split(b"\n") if batch else [body]
                if seen is not None:
                    seen.append((self.path, self.headers.get("Content-Encoding", ""), len(lines)))
                answers = [answer(line) for line in lines]
                self.send_response(200 if batch else answers[0][0])
                self.end_headers()
                shown = [line_of(number, *one) for number, one in enumerate(answers, 1)] if batch else [answers[0][1]]
                self.wfile.write(b"\n".join(map(orjson.dumps, shown)))

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


SIGNER = EnvelopeSigner.generate("ed25519")


def signed(number: int = 0, padding: int = 0) -> bytes:
    """An envelope, another for each number."""
    payload = {"_type": "https://in-toto.io/Statement/v1", "number": number, "padding": [*range(padding)]}
    return encode_envelope(SIGNER.sign(IN_TOTO, orjson.dumps(payload)))


@pytest.fixture
def envelope(tmp_path: Path) -> Path:
    path = tmp_path / "e.json"
    path.write_bytes(signed())
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


def test_a_decision_that_does_not_come_out_is_named(
    serve: Callable[..., str], envelope: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    found: dict[str, Any] = {"status": "DISAGREES", "differing": ["card.chosenArm", "card.uncertainty"]}
    url = serve(lambda body: (201, {**log.receipt(body), "reperformance": found}))
    assert send(envelope, url) == output.OK
    assert "does not come out as it claims: card.chosenArm, card.uncertainty" in capsys.readouterr().err
    assert send(envelope, url, "--must-agree", "--json") == output.NO
    assert orjson.loads(capsys.readouterr().out)["results"][0]["receipt"]["reperformance"] == found
    found |= {"status": "AGREES", "differing": []}
    assert send(envelope, url, "--must-agree") == output.OK
    assert "come out" not in capsys.readouterr().err
    found["status"] = "PENDING"
    assert send(envelope, url, "--must-agree") == output.OK
    told = " ".join(capsys.readouterr().err.split())
    assert "waits for the server's own check; see evidence-api evidence show sha256:" in told


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


def test_a_folder_and_json_lines_go_in_batches_and_keep_their_names(
    serve: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MAX_LINES", 10)
    log, seen = Log(), []  # type: ignore[var-annotated]
    url = serve(lambda body: (201, log.receipt(body)), seen)
    folder = tmp_path / "evidence"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "all.jsonl").write_bytes(b"\n".join(signed(number) for number in range(1, 12)) + b"\n")
    (folder / "deep" / "one.json").write_bytes(signed(5000))
    (folder / "deep" / "notes.txt").write_text("not evidence")
    (folder / ".hidden" / "key.json").write_text("{")
    (folder / "pretty.json").write_bytes(orjson.dumps(orjson.loads(signed(6000)), option=orjson.OPT_INDENT_2))
    assert main.main(["submit", str(folder), "--server", url, "--token", "evs_x", "--json"]) == output.OK
    told = orjson.loads(capsys.readouterr().out)
    assert told["summary"] == {"new": 13, "known": 0, "refused": 0, "unsent": 0}
    places = [(Path(result["file"]).name, result.get("member")) for result in told["results"]]
    assert places == [("all.jsonl", n) for n in range(1, 12)] + [("one.json", None), ("pretty.json", None)]
    assert [lines for _, _, lines in seen] == [10, 2, 1]


def test_a_refused_line_does_not_stop_the_others_and_is_the_exit_code(
    serve: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    bad = signed(2)
    problem = {"code": "unknown_key", "detail": "why", "status": 422}
    url = serve(lambda body: (422, problem) if body == bad else (201, log.receipt(body)))
    (tmp_path / "all.jsonl").write_bytes(b"\n".join([signed(1), bad, b'{"neither": 1}', signed(3)]))
    assert send(tmp_path / "all.jsonl", url, "--json") == output.NO
    results = orjson.loads(capsys.readouterr().out)["results"]
    codes = [result.get("error", {}).get("code", "proved") for result in results]
    assert codes == ["proved", "unknown_key", "malformed", "proved"]


def test_a_line_whose_receipt_is_for_another_is_an_error(
    serve: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    url = serve(lambda _: (201, log.receipt(signed(9))))
    (tmp_path / "all.jsonl").write_bytes(b"\n".join([signed(9), signed(8)]))
    assert send(tmp_path / "all.jsonl", url, "--json") == output.NO
    first, second = orjson.loads(capsys.readouterr().out)["results"]
    assert first["proved"] is True
    assert second["error"]["code"] == "receipt"


def test_nothing_more_is_sent_when_the_server_cannot_decide(
    serve: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[str, str, int]] = []
    url = serve(lambda _: (503, {"code": "overloaded", "detail": "later", "status": 503}), seen)
    for number in range(3):
        pretty = orjson.dumps(orjson.loads(signed(number)), option=orjson.OPT_INDENT_2)
        (tmp_path / f"{number}.json").write_bytes(pretty)
    command = ["submit", str(tmp_path), "--server", url, "--token", "evs_x", "--json"]
    assert main.main(command) == output.UNDECIDED
    assert orjson.loads(capsys.readouterr().out)["summary"] == {"new": 0, "known": 0, "refused": 1, "unsent": 2}
    assert len(seen) == 1


def test_what_is_large_goes_as_gzip_and_what_looks_like_a_bomb_does_not(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    log = Log()
    seen: list[tuple[str, str, int]] = []
    url = serve(lambda body: (201, log.receipt(body)), seen)
    (tmp_path / "large.json").write_bytes(signed(1, padding=40_000))
    (tmp_path / "zeros.json").write_bytes(b'{"bomFormat":"CycloneDX"' + b" " * 2**21 + b"}")
    for name in ("large.json", "zeros.json"):
        assert send(tmp_path / name, url) == output.OK
    assert [encoding for _, encoding, _ in seen] == ["gzip", ""]


def test_subjects_are_named_for_raw_documents_alone(serve: Callable[..., str], envelope: Path, tmp_path: Path) -> None:
    log = Log()
    seen: list[tuple[str, str, int]] = []
    url = serve(lambda body: (201, log.receipt(body)), seen)
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    digest = "sha256:" + "ab" * 32
    assert send(tmp_path / "junit.xml", url, "--subject", digest) == output.OK
    assert send(envelope, url, "--subject", digest) == output.OK
    assert [path for path, _, _ in seen] == [f"/v1/evidence?subject=sha256%3A{'ab' * 32}", "/v1/evidence"]


@pytest.mark.parametrize("source", ["env", "file", "github"])
def test_the_job_s_token_is_exchanged_once_and_used(
    serve: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    log = Log()
    asked: list[Any] = []

    def answer(body: bytes) -> Answer:
        if b"payload" in body:
            return 201, log.receipt(body)
        asked.append(orjson.loads(body))
        return 201, {"token": "evs_upload_1", "tenant": "acme", "expiresAt": "2026-01-01T00:00:00Z"}

    url = serve(answer)
    monkeypatch.setenv("JOB_TOKEN", "a.b.c")
    (tmp_path / "token").write_text("a.b.c\n")
    monkeypatch.setattr(credentials, "_of_github", lambda audience: f"for {audience}")
    place = {"env": "env:JOB_TOKEN", "file": f"file:{tmp_path / 'token'}", "github": "github"}[source]
    (tmp_path / "a.json").write_bytes(signed(1))
    command = ["submit", str(tmp_path / "a.json"), "--server", url, "--token-from-exchange", place, "--tenant", "acme"]
    assert main.main(command) == output.OK
    token = f"for {url}/acme" if source == "github" else "a.b.c"
    assert asked == [{"token": token, "tenant": "acme"}]


def test_nobody_there(envelope: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(envelope, "http://127.0.0.1:9", "--json") == output.UNDECIDED
    assert orjson.loads(capsys.readouterr().out)["results"][0]["error"]["code"] == "unreachable"


def test_a_server_that_is_not_ours(
    serve: Callable[..., str], envelope: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(envelope, serve(lambda _: (404, {"detail": "no"})), "--json") == output.UNDECIDED
    assert orjson.loads(capsys.readouterr().out)["results"][0]["error"]["code"] == "not_our_server"


def test_a_batch_answered_by_a_server_that_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx.Client, "request", lambda *_, **__: httpx.Response(200, content=b"1\n2\n"))
    with Client("http://127.0.0.1:9", "") as client, pytest.raises(Undecided) as fault:
        client.submit_batch([signed(1), signed(2)])
    assert fault.value.code == "not_our_server"
