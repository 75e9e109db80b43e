"""The audits of GraphQL over HTTP that graphql-http brings, against the whole server on loopback."""

import asyncio
import json
import sys
from collections import Counter

from evidence_api.bootstrap import asgi_application
from tests.support.listening import listening
from tests.support.node import node_folder
from tests.web.conftest import Door

AUDITS = 61


async def test_every_audit_is_ok(door: Door) -> None:
    folder = await asyncio.to_thread(node_folder)
    token = door.http.headers["authorization"].removeprefix("Bearer ")
    async with listening(asgi_application(door.application)) as url:
        audit = await asyncio.create_subprocess_exec(
            "node", "audit.mjs", f"{url}/graphql", token, cwd=folder, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await audit.communicate()
    assert audit.returncode == 0
    audits = json.loads(printed)
    counts = Counter(one["status"] for one in audits)
    sys.stdout.write(f"graphql-http: {counts['ok']} ok, {counts['warn']} warn, {counts['error']} error\n")
    assert [one for one in audits if one["status"] != "ok"] == []
    assert len(audits) == AUDITS
