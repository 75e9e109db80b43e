"""The server of tests/bench/graphql.py, in a process of its own: `python -m tests.bench._graphql_server HOME`.

Two tenants with a token each; HOME/told.json says {url, tenants: {name: {id, token}}} when it answers. It has two more
routes, /bench/flat and /bench/nested: the pages of the benchmark from a raw JSON endpoint, in the same statement, with
the same authentication, row-level security, charge and audit, and no GraphQL.
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import orjson
import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evidence_api.bootstrap import Application, open_application
from evidence_api.cli.serving import serving
from evidence_api.domain.errors import NotFound
from evidence_api.domain.page import Window
from evidence_api.domain.page_shape import EdgeShape, Member, PageAsked
from evidence_api.domain.rates import MAX_CAPACITY, MAX_RESTORE, RateLimit
from evidence_api.domain.reading import EvidenceFilter
from evidence_api.settings import Settings
from evidence_api.store import rates
from evidence_api.web.bodies import read_body
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import OK, require_of
from tests.bench._queries import FIELDS

_NODE = tuple(Member(name, name) for name in FIELDS)
_SUBJECTS = Member("subjects", "subjects", (Member("name", "name"), Member("digests", "digests")), first=20)
SHAPES = {
    "flat": EdgeShape((Member("node", "node", _NODE),)),
    "nested": EdgeShape((Member("node", "node", (*_NODE, _SUBJECTS)),)),
}
PAGE = 50


def raw_page(application: Application, shape: EdgeShape) -> Route:
    """A route that answers one page as JSON."""
    side = application.query_side

    async def answer(request: Request) -> Response:
        parts = parts_of(request)
        principal = await require_of(request.scope, parts.access, "evidence:read")
        asked = orjson.loads(await read_body(request, 4096))
        charge = await side.rates.take(principal, 2 * PAGE + 1)
        window = Window(PAGE, after=str(asked["after"]))
        async with side.lanes.enter("queries", principal.tenant):
            page = await parts.reads.page_text(principal, PageAsked(EvidenceFilter(), window, None, shape, ""))
        if page is None or page.start is None or page.end is None:
            raise NotFound("no such page")
        side.rates.give_back(principal, charge, charge.requested)
        more = b"true" if page.more else b"false"
        body = b'{"edges":[%b],"start":%d,"end":%d,"more":%b}' % (page.edges.encode(), page.start, page.end, more)
        return Response(body, OK, media_type="application/json")

    return Route(
        f"/bench/{'nested' if len(shape.members[0].members) > len(FIELDS) else 'flat'}", answer, methods=["POST"]
    )


async def _tenants(application: Application) -> dict[str, dict[str, str]]:
    made = {}
    for name in ("small", "large"):
        scope = await application.tenancy.create(name)
        async with application.database.operator(scope) as connection:  # what is measured is charged, and never refused
            limit = RateLimit(MAX_CAPACITY, MAX_RESTORE)
            await rates.set_limit(connection, scope, limit, application.clock.now())
        token = await application.tenancy.create_token(scope, "bench", ["evidence:read"], timedelta(days=1))
        made[name] = {"id": str(scope.id), "token": token.token}
    return made


async def _serve(home: Path) -> None:
    settings = Settings.from_environment(home=home, port=0)
    async with open_application(settings) as application:
        tenants = await _tenants(application)
        routes = [raw_page(application, shape) for shape in SHAPES.values()]
        async with serving(application, more_routes=routes) as server:
            (home / "told.part").write_text(json.dumps({"url": server.url, "tenants": tenants}))
            (home / "told.part").rename(home / "told.json")
            await server.ended()


if __name__ == "__main__":
    os.environ.setdefault("EVIDENCE_ASSESS_INTERVAL", "60")
    uvloop.run(_serve(Path(sys.argv[1])))
