"""A server for benchmarks, in a process of its own: `python -m tests.bench._server HOME`.

Its tenant trusts the key in HOME/bench.pem and, when HOME/trusted_root.json is there, certificates of the test
authority under that root. It prints {url, token} when it answers, and has one more route, `/bench/read`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evidence_api.bootstrap import Application, open_application
from evidence_api.cli.serving import serving
from evidence_api.engines.sigstore import IdentityRule
from evidence_api.settings import Settings
from evidence_api.web.bodies import read_body
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import CREATED
from tests.support.sigstore_authorities import IDENTITY, ISSUER


@dataclass(frozen=True)
class BenchServer:
    """A server that answers: its process, and PostgreSQL's."""

    pid: int
    postmaster: int
    port: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}


@contextmanager
def bench_server(home: Path, key: str) -> Iterator[BenchServer]:
    """Start one in `home`, with this public key as PEM."""
    home.chmod(0o755)
    (home / "bench.pem").write_text(key)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench._server", str(home)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        postmaster = int((home / "postgresql-18" / "postmaster.pid").read_text().split()[0])
        yield BenchServer(process.pid, postmaster, int(told["url"].rpartition(":")[2]), told["token"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def _read_only(request: Request) -> Response:
    """The floor: the server's own bounded reading of the body, and 201."""
    body = await read_body(request, parts_of(request).max_body)
    return Response(b'{"size":%d}' % len(body), CREATED, media_type="application/json")


async def _tenant(application: Application, home: Path) -> str:
    scope = await application.tenancy.create("bench")
    await application.tenancy.add_key(scope, (home / "bench.pem").read_bytes(), "bench")
    await application.tenancy.add_identity(scope, IdentityRule(ISSUER, IDENTITY), "bench")
    made = await application.tenancy.create_token(scope, "bench", ["evidence:write"], timedelta(hours=1))
    return made.token


async def _serve(home: Path) -> None:
    root = home / "trusted_root.json"
    settings = Settings.from_environment(home=home, port=0, **({"trusted_root": root} if root.exists() else {}))
    async with open_application(settings) as application:
        token = await _tenant(application, home)
        async with serving(application, more_routes=[Route("/bench/read", _read_only, methods=["POST"])]) as server:
            sys.stdout.write(json.dumps({"url": server.url, "token": token}) + "\n")
            sys.stdout.flush()
            await server.ended()


if __name__ == "__main__":
    os.environ.setdefault("EVIDENCE_ASSESS_INTERVAL", "1")
    uvloop.run(_serve(Path(sys.argv[1])))
