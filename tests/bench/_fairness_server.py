"""A server for the benchmark of fairness, in a process of its own: `python -m tests.bench._fairness_server HOME`.

It has as many tenants as it is told, each with the same limit and two clients. It prints {url, tenants} when it
answers.
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop

from evidence_api.bootstrap import Application, open_application
from evidence_api.cli.serving import serving
from evidence_api.domain.rates import ENFORCE
from evidence_api.settings import Settings


async def _tenant(application: Application, name: str, capacity: int, restore: int) -> dict[str, Any]:
    scope = await application.tenancy.create(name)
    await application.query_side.limits.put(scope, capacity, restore, ENFORCE)
    tokens = {
        client: (await application.tenancy.create_token(scope, client, ["evidence:read"], timedelta(hours=2))).token
        for client in ("greedy", "polite")
    }
    return {"name": name, **tokens}


async def _serve(home: Path, tenants: int, capacity: int, restore: int) -> None:
    settings = Settings.from_environment(home=home, port=0)
    async with open_application(settings) as application:
        made = [await _tenant(application, f"tenant-{number}", capacity, restore) for number in range(tenants)]
        async with serving(application) as server:
            sys.stdout.write(json.dumps({"url": server.url, "tenants": made}) + "\n")
            sys.stdout.flush()
            await server.ended()


if __name__ == "__main__":
    os.environ.setdefault("EVIDENCE_ASSESS_INTERVAL", "1")
    uvloop.run(_serve(Path(sys.argv[1]), *(int(one) for one in sys.argv[2:5])))
