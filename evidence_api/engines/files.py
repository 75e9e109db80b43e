"""Folders on disk: the catalog, policies and migrations as shipped or as an operator keeps them; secrets made once."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from evidence_api.domain.errors import EvidenceError, InvalidSource, SourceFault, TooLarge

_PACKAGE = Path(__file__).resolve().parents[1]
_MAX_FILES = 2_000
_MAX_BYTES = 4 * 2**20


def shipped(name: str) -> Path:
    """The folder or file `name` as shipped: inside an installed wheel, or at the top of a checkout."""
    installed = _PACKAGE / "_shipped" / name
    return installed if installed.exists() else _PACKAGE.parent / name


def read_texts(folder: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """Every text file below `folder` with one of the suffixes: path relative to it (with /) -> text, sorted.

    Raises InvalidSource (no such folder, not UTF-8) and TooLarge (2,000 files, 4 MiB a file).
    """
    if not folder.is_dir():
        raise InvalidSource([SourceFault(str(folder), 1, 1, "no_folder", "there is no such folder")])
    texts: dict[str, str] = {}
    faults: list[SourceFault] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in suffixes or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        size = path.stat().st_size
        if size > _MAX_BYTES or len(texts) >= _MAX_FILES:
            raise TooLarge(f"{name}: too many files or too large", limit=_MAX_BYTES, value=size, path=name)
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as fault:
            faults.append(SourceFault(name, 1, 1, "encoding", f"not UTF-8 at byte {fault.start}"))
    if faults:
        raise InvalidSource(faults)
    return texts


def write_file(target: Path, content: bytes) -> None:
    """Write beside and rename, so that a crash never leaves half a file under its name. Raises `unwritable_file`."""
    draft = target.with_name(f".{target.name}.part")
    try:
        draft.write_bytes(content)
        draft.replace(target)
    except OSError as fault:
        with suppress(OSError):  # there may be no such folder
            draft.unlink()
        message = f"{target} cannot be written: {fault.strerror or fault}"
        raise EvidenceError(message, code="unwritable_file", path=str(target)) from fault


def kept_secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """The secret in `path`, made on the first call and readable by its owner alone.

    Commit point: the link. A crash before it leaves no secret under that name; two processes that start
    together agree on the first one linked.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(make())
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):  # another process was first: its secret is the one
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_bytes()


def rewrite(path: Path, body: bytes) -> None:
    """Replace a file's content at once, keeping its permissions; a link is followed, and stays one.

    Commit point: the rename. A crash before it leaves the file as it was, with a draft beside it.
    """
    target = path.resolve()
    descriptor, draft = mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(body)
            opened.flush()
            os.fsync(opened.fileno())
        Path(draft).chmod(target.stat().st_mode & 0o7777)
        Path(draft).replace(target)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
