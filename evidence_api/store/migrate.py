"""Brings a database to a revision: makes the roles, then runs Alembic as the owner. Runs before anything is served.

Commit point: one transaction for the whole upgrade. A crash inside leaves the old revision, usable as before.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from evidence_api.domain.errors import StoreUnavailable
from evidence_api.store.session import AUDITOR, translated

OWNER = "evidence_owner"
APP = "evidence_app"
_ONE_AT_A_TIME = 0x65766964  # advisory lock key: "evid"


@dataclass(frozen=True, slots=True)
class Login:
    """Connection strings of the two roles after a migration."""

    owner_dsn: str
    app_dsn: str


async def migrate(
    admin_dsn: str,
    folder: Path,
    revision: str = "head",
    *,
    owner_password: str | None = None,
    app_password: str | None = None,
) -> Login:
    """Create the roles if absent, then upgrade (or downgrade) to `revision` with the scripts in `folder`.

    `admin_dsn` logs in as a role that may create roles and own the schema: the embedded server's superuser, or an
    operator's. A password that is not given leaves an existing role's alone and gives a new one a random one, which
    the returned DSNs carry. Raises StoreUnavailable, or what the migration raised.
    """
    with translated():
        connection = await asyncpg.connect(admin_dsn)
        try:
            passwords = {
                OWNER: await _ensure_role(connection, OWNER, owner_password),
                APP: await _ensure_role(connection, APP, app_password),
            }
            await _ensure_auditor(connection)
            await _let_owner_create(connection)
        finally:
            await connection.close()
    engine = create_async_engine(make_url(admin_dsn).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        with translated():
            async with engine.begin() as transaction:
                await transaction.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
                await transaction.execute(text(f"SET LOCAL ROLE {OWNER}"))
                await transaction.run_sync(_run, folder, revision)
    finally:
        await engine.dispose()
    return Login(
        owner_dsn=login_dsn(admin_dsn, OWNER, passwords[OWNER]), app_dsn=login_dsn(admin_dsn, APP, passwords[APP])
    )


def newest_revision(folder: Path) -> str:
    """The revision the scripts in `folder` lead to. Raises StoreUnavailable when there are none."""
    head = ScriptDirectory(str(folder)).get_current_head()
    if head is None:
        raise StoreUnavailable(f"no migrations in {folder}")
    return head


def login_dsn(dsn: str, role: str, password: str | None = None) -> str:
    """The same server and database as another role."""
    parts = urlsplit(dsn)
    address = parts.netloc.rpartition("@")[2]
    login = quote(role) if password is None else f"{quote(role)}:{quote(password, safe='')}"
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name not in {"user", "password"}])
    return urlunsplit((parts.scheme, f"{login}@{address}", parts.path, query, ""))


def alembic_config(folder: Path, connection: Connection) -> Config:
    """Alembic's settings, without a file: where the scripts are, and the connection env.py runs them on."""
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _run(connection: Connection, folder: Path, revision: str) -> None:
    config = alembic_config(folder, connection)
    scripts = ScriptDirectory.from_config(config)
    current = connection.execute(text("SELECT to_regclass('alembic_version')")).scalar()
    applied = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if current else None
    later = {script.revision for script in scripts.iterate_revisions(applied, "base")} if applied else set()
    if revision == "base" or (revision in later and revision != applied):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


async def _ensure_role(connection: "asyncpg.Connection[asyncpg.Record]", role: str, password: str | None) -> str | None:
    """Create the role, bound by row-level security; set the password if one is given. Roles belong to the whole server,
    so another process may be making the same one."""
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    if exists and password is None:
        return None
    secret = password or secrets.token_urlsafe(32)
    literal = await connection.fetchval("SELECT quote_literal($1::text)", secret)
    if not exists:
        try:
            await connection.execute(
                f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {literal}"
            )
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            return await _ensure_role(connection, role, password)
    else:
        await connection.execute(f"ALTER ROLE {role} PASSWORD {literal}")
    return secret


async def _ensure_auditor(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Create the role that reads for grants, which nobody logs in as, and let the application take it on for a
    transaction. It inherits nothing from it: the policies of that role would bind it all the time."""
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", AUDITOR):
            await connection.execute(
                f"CREATE ROLE {AUDITOR} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT"
            )
        if not await connection.fetchval("SELECT pg_has_role($1, $2, 'SET')", APP, AUDITOR):
            await connection.execute(f"GRANT {AUDITOR} TO {APP} WITH INHERIT FALSE, SET TRUE")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        await _ensure_auditor(connection)  # another process made it between the look and the statement


async def _let_owner_create(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let the owner create in the schema and let us act as it, unless both already hold."""
    able, member = await connection.fetchrow(
        "SELECT has_schema_privilege($1, 'public', 'CREATE'), pg_has_role(current_user, $1, 'SET')", OWNER
    ) or (False, False)
    if not member:
        await connection.execute(f"GRANT {OWNER} TO CURRENT_USER")
    if not able:
        await connection.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}")
