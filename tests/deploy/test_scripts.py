"""The scripts find what they need, or say exactly what is missing."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "environment.sh"


def bash(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = f"set -euo pipefail; source {SCRIPT}; {program}"
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def fake(folder: Path, name: str, body: str) -> Path:
    """A program of that name that does `body`, first on the path."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program


def test_the_python_that_is_named_is_taken() -> None:
    found = bash("find_python", PYTHON=sys.executable)
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable)


def test_without_a_python_of_the_right_age_the_error_says_what_to_do(tmp_path: Path) -> None:
    old = fake(tmp_path / "bin", "python3.old", "exit 1")
    found = bash("find_python", PYTHON=str(old))
    assert found.returncode == 2
    assert "error: no Python 3.11 or newer found" in found.stderr
    assert "apt-get install python3" in found.stderr


def test_without_root_the_packages_are_named(tmp_path: Path) -> None:
    fake(tmp_path / "bin", "id", "echo 1000")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    missing = bash(f"libraries=(libnosuch.so.9); system_libraries {sys.executable}", PATH=path)
    assert missing.returncode == 2
    assert "libpango-1.0-0" in missing.stderr
    assert "libharfbuzz-subset0" in missing.stderr


def test_nothing_is_installed_twice(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    marker = tmp_path / "ran"
    fake(tmp_path / "bin", "python", f'echo "$@" >> {marker}; echo "Collecting one"')
    pinned = tmp_path / "requirements.txt"
    pinned.write_text("one==1 \\\n    --hash=sha256:00\n")
    twice = bash(f"venv={tmp_path}; requirements test {pinned}; requirements test {pinned}")
    assert twice.returncode == 0, twice.stderr
    assert len(marker.read_text().splitlines()) == 2  # the pinned packages, then the project itself
    pinned.write_text("one==2 \\\n    --hash=sha256:11\n")
    assert bash(f"venv={tmp_path}; requirements test {pinned}").returncode == 0
    assert len(marker.read_text().splitlines()) == 4


def test_every_pinned_version_is_the_same_in_every_file() -> None:
    """For the same Python and system: one package may have to differ between those."""
    seen: dict[tuple[str, str], set[str]] = {}
    for path in (ROOT / "deploy").glob("requirements*.txt"):
        for line in path.read_text().splitlines():
            if "==" in line.partition(";")[0]:
                pinned, _, marker = line.removesuffix("\\").partition(";")
                name, _, version = pinned.strip().partition("==")
                seen.setdefault((name, marker.strip()), set()).add(version)
    assert {name: versions for name, versions in seen.items() if len(versions) > 1} == {}


def test_every_requirement_is_pinned_with_a_hash() -> None:
    for path in (ROOT / "deploy").glob("requirements*.txt"):
        blocks = path.read_text().replace("\\\n", " ").splitlines()
        assert [block for block in blocks if block and "--hash=sha256:" not in block] == []
