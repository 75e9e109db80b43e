"""A real server process with its own embedded PostgreSQL, for tests that need one to kill or to fuzz."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence_api.engines.keys import EnvelopeSigner
from tests.support import http_load


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):  # the other end may be dead already
        await writer.wait_closed()


@dataclass
class Server:
    """The command `evidence-api` over one home folder: started, asked, killed, started again."""

    home: Path
    token: str = ""
    port: int = 0
    process: subprocess.Popen[str] | None = None
    artifacts: list[str] = field(default_factory=list)
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)

    def command(self, *arguments: str) -> Any:  # noqa: ANN401  any JSON value
        done = subprocess.run(
            [sys.executable, "-m", "evidence_api", *arguments, "--json"],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "EVIDENCE_HOME": str(self.home), "EVIDENCE_ASSESS_INTERVAL": "0.2"}

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evidence_api", "serve", "--port", "0", "--json"],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        printed = ""
        while not printed.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            assert line, f"the server ended with {self.process.wait()}"
            printed += line
        self.port = int(json.loads(printed)["url"].rpartition(":")[2])

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def authorised(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json", encoding: str = ""
    ) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        return http_load.request(method, path, body, headers | ({"Content-Encoding": encoding} if encoding else {}))

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self.authorised(method, path, body))
        status, answer = await http_load.read_answer(reader)
        await closed(writer)
        return status, json.loads(answer)

    def stop(self) -> None:
        """End it in order, if it is still there."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
            assert self.process.stdout is not None
            self.process.stdout.close()

    def make_tenant(self, name: str, key: Path) -> None:
        """A tenant that trusts this public key, and a token with every right for it."""
        self.command("tenant", "create", name)
        self.command("tenant", "key", "add", str(key), "--tenant", name, "--name", "ci")
        self.token = self.command("token", "create", "--tenant", name, "--name", "ci")["token"]


@contextlib.contextmanager
def running(home: Path) -> Iterator[Server]:
    """A started server over a new home folder, with the tenant `acme` and a token for it."""
    made = Server(home)
    key = home.with_suffix(".pem")
    key.write_text(EnvelopeSigner.generate().public_key.pem)
    made.make_tenant("acme", key)
    try:
        made.start()
        yield made
    finally:
        made.stop()
