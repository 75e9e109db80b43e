"""Artifacts in folders on disk, found by the digest of their bytes: what an auditor was handed beside the statements.

A file is named by its digest (`<hex>`, `sha256:<hex>`, with or without an ending) or by anything else. Names are
looked at first, then the other files are hashed, one by one, until the digest is found; each once. What a name claims
is hashed, too: a file is taken for its bytes, never for its name.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import file_digest
from itertools import islice
from pathlib import Path

from evidence_api.domain.errors import EvidenceError, TooLarge

MAX_FILES = 100_000


class ArtifactFiles:
    """Files below some paths. `hashed` is told of each file that was read for its digest."""

    def __init__(self, paths: Sequence[Path], hashed: Callable[[Path], None] = lambda _: None) -> None:
        self._paths = tuple(paths)
        self._hashed = hashed
        self._waiting: list[Path] | None = None
        self._known: dict[str, Path] = {}

    def find(self, digest: str) -> Path | None:
        """The file whose SHA-256 is `sha256:<hex>`, None if there is none. Raises EvidenceError `unreadable_file`
        (a path that is not there, a file that cannot be read), TooLarge (100,000 files)."""
        sought = digest.removeprefix("sha256:")
        if self._waiting is None:
            self._waiting = _listed(self._paths)
        self._waiting.sort(key=lambda file: _names(file) != sought)  # stable: the rest stay in their order
        looked_at = 0
        for file in self._waiting:
            if sought in self._known:
                break
            self._known.setdefault(_sha256(file), file)
            self._hashed(file)
            looked_at += 1
        self._waiting = self._waiting[looked_at:]
        return self._known.get(sought)


def _names(file: Path) -> str:
    """The digest that a file's name claims, in lower case; any other name is none."""
    return file.name.lower().removeprefix("sha256:").partition(".")[0]


def _listed(paths: Sequence[Path]) -> list[Path]:
    """The files in each path, path by path, by name. However many there are, no more than the limit are listed."""
    listed: list[Path] = []
    for path in paths:
        if not path.exists():
            raise EvidenceError(f"{path}: there is no such file or folder", code="unreadable_file", path=str(path))
        inside = list(islice(_files(path), MAX_FILES - len(listed) + 1))
        listed += sorted(inside)
        if len(listed) > MAX_FILES:
            said = f"{path}: more than {MAX_FILES} files to look through"
            raise TooLarge(said, path=str(path), limit=MAX_FILES, value=len(listed))
    return listed


def _files(path: Path) -> Iterator[Path]:
    """Raises EvidenceError `unreadable_file` for a folder whose files may not be looked at."""
    try:
        yield from (file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
    except OSError as fault:
        raise EvidenceError(f"{path}: {fault.strerror}", code="unreadable_file", path=str(path)) from fault


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return file_digest(opened, "sha256").hexdigest()
    except OSError as fault:
        raise EvidenceError(f"{file}: {fault.strerror}", code="unreadable_file", path=str(file)) from fault
