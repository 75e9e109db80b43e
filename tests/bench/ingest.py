"""How much of a bare endpoint's rate ingest keeps: `python -m tests.bench.ingest --json`.

One server process (one worker), its embedded PostgreSQL, and a client with 32 connections, in one run and
in turns: an endpoint of the same server that only reads the body and answers 201, and `POST /v1/evidence`
with DSSE envelopes of 4 KiB signed with ECDSA P-256. Every envelope is new, so every answer is a durable append.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evidence_api.bootstrap import Application, open_application
from evidence_api.cli.serving import serving
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import encode_envelope
from evidence_api.settings import Settings
from tests.support import http_load, statements

ENVELOPE_BYTES = 4096
CONNECTIONS = 32


async def _read_only(request: Request) -> Response:
    """The floor: read the body, answer 201."""
    body = b"".join([chunk async for chunk in request.stream()])
    return Response(b'{"size":%d}' % len(body), 201, media_type="application/json")


async def _tenant(application: Application, pem: bytes) -> str:
    scope = await application.tenancy.create("bench")
    await application.tenancy.add_key(scope, pem, "bench")
    made = await application.tenancy.create_token(scope, "bench", ["evidence:write"], timedelta(hours=1))
    return made.token


async def _serve(home: Path) -> None:
    settings = Settings.from_environment(home=home, port=0)
    async with open_application(settings) as application:
        token = await _tenant(application, (home / "bench.pem").read_bytes())
        async with serving(application, more_routes=[Route("/bench/read", _read_only, methods=["POST"])]) as server:
            sys.stdout.write(json.dumps({"url": server.url, "token": token}) + "\n")
            sys.stdout.flush()
            await server.ended()


def envelope_of(signer: EnvelopeSigner, number: int) -> bytes:
    """A test result about its own artifact, padded so that the envelope is 4 KiB."""
    statement = statements.test_result(f"sha256:{number:064x}", passed=[f"case-{number}", "x" * 2540])
    return encode_envelope(signer.sign("application/vnd.in-toto+json", json.dumps(statement).encode()))


@contextmanager
def _server(home: Path) -> Iterator[tuple[int, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.ingest", "--serve", str(home)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield int(told["url"].rpartition(":")[2]), told["token"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def measure(requests: int, rounds: int) -> dict[str, object]:
    """Run the rounds in turns; rates are answers a second, the ratio is of their medians."""
    signer = EnvelopeSigner.generate("ecdsa-p256")
    bodies = [envelope_of(signer, number) for number in range(requests * (rounds + 1))]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        (home / "bench.pem").write_text(signer.public_key.pem)
        with _server(home) as (port, token):
            return uvloop.run(_rounds(port, token, bodies, requests, rounds))


async def _rounds(port: int, token: str, bodies: Sequence[bytes], requests: int, rounds: int) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    reads: list[float] = []
    ingests: list[http_load.Load] = []
    for number in range(rounds + 1):  # the first round warms both up and does not count
        part = bodies[number * requests : (number + 1) * requests]
        read = await http_load.run(
            port, [http_load.request("POST", "/bench/read", body, headers) for body in part], CONNECTIONS
        )
        ingest = await http_load.run(
            port, [http_load.request("POST", "/v1/evidence", body, headers) for body in part], CONNECTIONS
        )
        if set(read.statuses) | set(ingest.statuses) != {201}:
            raise SystemExit(f"unexpected answers: {read.statuses} {ingest.statuses}")
        if number:
            reads.append(read.rate)
            ingests.append(ingest)
    rate = statistics.median(load.rate for load in ingests)
    return {
        "envelope_bytes": len(bodies[0]),
        "connections": CONNECTIONS,
        "read_only_per_second": round(statistics.median(reads)),
        "ingest_per_second": round(rate),
        "ingest_p50_ms": round(statistics.median(load.percentile(0.5) for load in ingests) * 1000, 2),
        "ingest_p99_ms": round(statistics.median(load.percentile(0.99) for load in ingests) * 1000, 2),
        "ratio": round(rate / statistics.median(reads), 3),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.serve:
        os.environ.setdefault("EVIDENCE_ASSESS_INTERVAL", "1")
        uvloop.run(_serve(asked.serve))
        return
    figures = measure(asked.requests, asked.rounds)
    if asked.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        for name, value in figures.items():
            sys.stdout.write(f"{name:22} {value}\n")


if __name__ == "__main__":
    main()
