"""PostGraphile 5 as a peer: installed where caches are kept when it is first asked for, and started bare.

It needs Node 22 or later: on the PATH, or named by EVIDENCE_NODE. Where there is none, or its packages cannot be
installed, there is no peer, and `Absent` says why.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROJECT = Path(__file__).with_name("postgraphile")
_OLDEST_NODE = 22
_INSTALL_SECONDS = 300


@dataclass(frozen=True)
class Peer:
    """A running PostGraphile: its process and its port on loopback."""

    pid: int
    port: int


class Absent(Exception):
    """Why there is no peer on this machine."""


@contextmanager
def postgraphile(dsn: str) -> Iterator[Peer]:
    """One that reads with this connection string. Raises Absent."""
    node = _node()
    folder = _installed(node)
    shutil.copy2(_PROJECT / "server.mjs", folder)
    environment = {**os.environ, "NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    process = subprocess.Popen(
        [node, "server.mjs", dsn], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port.isdecimal():
            raise Absent("PostGraphile did not start")
        yield Peer(process.pid, int(port))
    finally:
        process.terminate()
        process.wait(30)


def _node() -> str:
    """Node 22 or later. Raises Absent."""
    named = os.environ.get("EVIDENCE_NODE") or shutil.which("node")
    if named is None:
        raise Absent("there is no node: EVIDENCE_NODE may name one")
    try:
        told = subprocess.run([named, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as fault:
        raise Absent(f"{named} does not run: {fault}") from fault
    version = re.match(r"v(\d+)\.", told)
    if version is None or int(version[1]) < _OLDEST_NODE:
        raise Absent(f"PostGraphile 5 needs node {_OLDEST_NODE} or later, {named} is {told.strip()}")
    return named


def _installed(node: str) -> Path:
    """A folder with the packages. Installed beside it and moved there, so that nothing is half done. Raises Absent."""
    npm = shutil.which("npm")
    if npm is None:
        raise Absent("there is no npm")
    wanted = (_PROJECT / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "evidence-api-bench" / hashlib.sha256(wanted).hexdigest()[:16]
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    search = os.pathsep.join([str(Path(node).absolute().parent), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
        shutil.copy2(_PROJECT / "package.json", fresh)
        done = subprocess.run(
            [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
            cwd=fresh,
            env={**os.environ, "PATH": search},
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise Absent(f"npm cannot install PostGraphile: {done.stderr.strip()[-300:]}")
        if not folder.exists():
            Path(fresh).rename(folder)
            Path(fresh).mkdir()  # what the context removes
    return folder
