"""`evidence-api serve`: the settings become an application, and the application answers on a port."""

from typing import Annotated

import typer
import uvloop

from evidence_api.bootstrap import open_application
from evidence_api.cli import output
from evidence_api.cli.logs import configure_logs
from evidence_api.cli.serving import serving
from evidence_api.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (EVIDENCE_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one (EVIDENCE_PORT).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the URL as JSON when it answers.")] = False,
) -> None:
    """Run the server until it is stopped (Ctrl-C or SIGTERM).

    Without EVIDENCE_DATABASE_URL it starts its own PostgreSQL in EVIDENCE_HOME.
    """
    configure_logs()
    uvloop.run(_serve(Settings.from_environment(host=host, port=port), as_json=json))


async def _serve(settings: Settings, *, as_json: bool) -> None:
    async with open_application(settings) as application, serving(application) as server:
        if as_json:
            output.print_json({"url": server.url})
        else:
            output.say(f"serving on {server.url}, GraphQL at {server.url}/graphql; Ctrl-C stops it")
        await server.ended()
