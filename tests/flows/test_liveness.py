"""Hostile policies beside ordinary requests: nobody waits, and the server is alive afterwards."""

import asyncio
import time

from evidence_api.domain.errors import EvidenceError
from evidence_api.engines.rego import policy_bundle
from tests.support import statements
from tests.web.conftest import Door

LOOPS = """package hostile
found contains [a, b, c, d] if {
    some a in numbers.range(1, 200)
    some b in numbers.range(1, 200)
    some c in numbers.range(1, 200)
    some d in numbers.range(1, 200)
    a * b * c * d == 17
}
"""
ENDLESS = """package hostile
again(n) := again(n + 1)
found := again(1)
"""
LIMIT = 0.2  # seconds


async def attack(door: Door, source: str) -> str:
    """The code the hostile policy ends with."""
    try:
        await door.application.rego.evaluate(policy_bundle({"hostile.rego": source}), "data.hostile.found", b"{}")
    except EvidenceError as fault:
        return fault.code
    return "answered"


async def test_requests_answer_within_200_ms_while_hostile_policies_run(door: Door) -> None:
    assert (await door.upload(statements.release())).status_code == 201
    attacks = [asyncio.create_task(attack(door, source)) for source in (LOOPS, ENDLESS)]
    slowest = 0.0
    uploads = 0
    while not all(one.done() for one in attacks):
        begun = time.perf_counter()
        uploaded = await door.upload(statements.test_result(passed=[f"case-{uploads}"]))
        asked = await door.http.post("/graphql", json={"query": '{ release(name: "widget") { name } }'})
        # A tenant of its own makes the gate evaluate instead of remembering.
        ready = await door.application.gate.decide("residency", {"country": "EU", "region": f"eu-west-{uploads}"})
        slowest = max(slowest, time.perf_counter() - begun)
        assert (uploaded.status_code, asked.status_code) == (201, 200)
        assert ready.policy_digest == door.application.gate.policy_digest
        uploads += 1
    codes = {await one for one in attacks}
    assert codes <= {"engine_timeout", "engine_memory", "engine_crashed", "policy_failed"}, codes
    assert uploads > 3
    assert slowest < LIMIT, f"the slowest round took {slowest:.3f} s"
    assert (await door.http.get("/readyz")).status_code == 200
