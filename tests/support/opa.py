"""Open Policy Agent, the reference engine, where it is on the path: run as a command, asked, or beside our server."""

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.support.server import Server

_OPA = shutil.which("opa")
needs_opa = pytest.mark.skipif(_OPA is None, reason="no opa on the path: there is nothing to compare with")


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A finished command of OPA, whatever its exit code."""
    command = [str(_OPA), *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False, timeout=100)


def evaluated(folder: Path, modules: Mapping[str, str], query: str, given: bytes, data: bytes = b"{}") -> Any:  # noqa: ANN401  any JSON value
    """The value of a query over these modules (file name -> text), data and input, all written to the folder."""
    for name, text in modules.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "data.json").write_bytes(data)
    (folder / "input.json").write_bytes(given)
    loaded = [part for name in (*modules, "data.json") for part in ("--data", name)]
    done = run("eval", "--format", "json", "--input", "input.json", *loaded, query, cwd=folder)
    answer = orjson.loads(done.stdout)
    assert "errors" not in answer, answer["errors"][:3]
    return answer["result"][0]["expressions"][0]["value"]


@contextlib.contextmanager
def serving(folder: Path, server: Server, config: Mapping[str, Any], modules: Sequence[Path] = ()) -> Iterator[str]:
    """A running OPA with this configuration, whose service `evidence` is our server; its URL."""
    service = {"url": f"http://127.0.0.1:{server.port}", "credentials": {"bearer": {"token": server.token}}}
    (folder / "config.json").write_text(json.dumps({"services": {"evidence": service}, **config}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = ["--server", "--disable-telemetry", f"--addr={address}", f"--config-file={folder / 'config.json'}"]
    process = subprocess.Popen(
        [str(_OPA), "run", *flags, *map(str, modules)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


async def until_healthy(opa: httpx.AsyncClient, path: str = "/health") -> None:
    """Ask until it answers that it is; the caller says how long at most."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            if (await opa.get(path)).is_success:
                return
        await asyncio.sleep(0.1)
