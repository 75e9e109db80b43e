"""`policy ask`: only a decision that allows ends with 0."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evidence_api.cli import main, output

ANSWER: dict[str, Any] = {
    "allow": True,
    "rules": [],
    "reasons": [],
    "decision": "sha256:" + "1" * 64,
    "evidence": "sha256:" + "2" * 64,
    "receipt": {},
}
Serve = Callable[[int, Any], str]


@pytest.fixture
def asked() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def serve(asked: list[tuple[str, bytes]]) -> Iterator[Serve]:
    """A server on loopback that answers everything with one status and document; what it was asked is kept."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int, document: Any) -> str:  # noqa: ANN401  any JSON
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

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
def question(tmp_path: Path) -> Path:
    path = tmp_path / "input.json"
    path.write_text('{"n": 1}')
    return path


def ask(question: Path, url: str, *more: str) -> int:
    return main.main(["policy", "ask", "resi dency", "--input", str(question), "--server", url, "--token", "t", *more])


def test_an_allow_ends_with_0_and_is_told(
    question: Path, serve: Serve, asked: list[tuple[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    url = serve(200, ANSWER)
    assert ask(question, url, "--subject", "sha256:aa", "--subject", "sha256:bb", "--json") == output.OK
    assert json.loads(capsys.readouterr().out) == ANSWER
    assert asked == [("/v1/decide/resi%20dency?subject=sha256%3Aaa&subject=sha256%3Abb", b'{"n": 1}')]


def test_a_denial_ends_with_1_and_its_reasons(question: Path, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    denied = ANSWER | {"allow": False, "rules": ["residency.region"], "reasons": ["not there"]}
    assert ask(question, serve(200, denied)) == output.NO
    shown = capsys.readouterr()
    assert shown.out.split() == ["deny", "residency.region", "not", "there"]
    assert ANSWER["evidence"] in shown.err


@pytest.mark.parametrize("document", [{}, [], ANSWER | {"allow": "true"}, ANSWER | {"allow": 1}, {"allow": True}])
def test_what_is_no_decision_allows_nothing(question: Path, serve: Serve, document: object) -> None:
    assert ask(question, serve(200, document)) == output.UNDECIDED


@pytest.mark.parametrize(("status", "code"), [(503, output.UNDECIDED), (404, output.NO), (422, output.NO)])
def test_what_the_server_refuses_is_told_as_it_was(
    question: Path, serve: Serve, status: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = {"type": "x", "title": "x", "status": status, "code": "unknown_area", "detail": "no such area"}
    assert ask(question, serve(status, problem), "--json") == code
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "unknown_area"


def test_it_needs_a_token_and_a_file(question: Path, tmp_path: Path) -> None:
    assert main.main(["policy", "ask", "a", "--input", str(question)]) == output.USAGE
    assert ask(tmp_path / "missing.json", "http://127.0.0.1:1") == output.USAGE
    assert ask(question, "http://127.0.0.1:1") == output.UNDECIDED
