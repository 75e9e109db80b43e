"""The sample release, its artifact: this project's own files as one archive with the same bytes every time."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from evidence_api.domain.digest import sha256_hex
from evidence_api.engines.commands import run

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip file can hold
_PACKAGE = "evidence_api"
_BESIDE_IT = ("controls", "policy", "migrations")  # in a checkout; a wheel carries them inside the package
_LEFT_OUT = {"__pycache__", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files came from: the commit's hex digest ("" outside a Git checkout), and whether files
    differed from it."""

    commit: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Artifact:
    """The archive: its file name and its content."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the archive, 64 hex digits."""
        return sha256_hex(self.content)


def pack_artifact(root: Path, name: str) -> Artifact:
    """Every file of the folders that make the product, sorted, without times or permissions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in _files(root):
            member = zipfile.ZipInfo(path.relative_to(root).as_posix(), _EPOCH)
            archive.writestr(member, path.read_bytes())
    return Artifact(f"{name}.zip", buffer.getvalue())


def _files(root: Path) -> list[Path]:
    folders = (_PACKAGE, *_BESIDE_IT) if (root / "pyproject.toml").exists() else (_PACKAGE,)
    found = (path for folder in folders for path in (root / folder).rglob("*"))
    return sorted(path for path in found if path.is_file() and not _LEFT_OUT & set(path.parts))


async def read_source(root: Path) -> Source:
    """Ask Git for the commit the files belong to; without Git or a checkout there is none."""
    try:
        head = await run(["git", "rev-parse", "--verify", "HEAD"], cwd=root)
        below = await run(["git", "rev-parse", "--show-prefix"], cwd=root)
        status = await run(["git", "status", "--porcelain", "--", _PACKAGE, *_BESIDE_IT], cwd=root)
    except OSError:  # Git is not installed: no commit can be named, and none is
        return Source("", changed=False)
    if head.code or below.stdout.strip():  # not a checkout, or one of something that contains us
        return Source("", changed=False)
    return Source(head.stdout.decode().strip(), changed=bool(status.stdout.strip()))
