"""`evidence-api migrate`: the database at this version's schema, with its two roles."""

import asyncio
from typing import Annotated

import typer

from evidence_api.bootstrap import open_database
from evidence_api.cli import output
from evidence_api.settings import Settings


def migrate(json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Bring the database to this version; safe to run again, and while servers of this version run.

    The database is EVIDENCE_DATABASE_URL (a role that may create roles and tables), or the embedded one.
    """
    with output.waiting("migrating", quiet=json):
        where = asyncio.run(_migrate(Settings.from_environment()))
    if json:
        output.print_json({"migrated": True, "database": where})
    else:
        output.say(f"the {where} database is at this version")


async def _migrate(settings: Settings) -> str:
    async with open_database(settings):
        return "embedded" if settings.database_url is None else "configured"
