"""Judges written in JavaScript: installed with npm once, where caches are kept, and run with node."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "node"
INSTALL_SECONDS = 120
_INSTALL = ("install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


def node_folder() -> Path:
    """A folder with the scripts of tests/node and what they import. Skips, saying why, where there can be none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    wanted = (SCRIPTS / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "evidence-api-tests" / hashlib.sha256(wanted).hexdigest()[:16]
    if not (folder / "node_modules").is_dir():
        _install(npm, folder)
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy2(script, folder)
    return folder


def _install(npm: str, folder: Path) -> None:
    """Install beside it and move it there: a run that was stopped leaves nothing half done."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
        shutil.copy2(SCRIPTS / "package.json", fresh)
        try:
            done = subprocess.run(
                [npm, *_INSTALL], cwd=fresh, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm did not install the judges within {INSTALL_SECONDS} s")
        if done.returncode != 0:
            pytest.skip(f"npm cannot install the judges: {done.stderr.strip()[-300:]}")
        if not folder.exists():
            Path(fresh).rename(folder)
            Path(fresh).mkdir()  # what the context removes
