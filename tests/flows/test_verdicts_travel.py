"""A verdict of one tenant decides a control of another: the VSA is fetched, uploaded, verified, and asked for."""

from collections.abc import AsyncIterator

import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.assessment import Outcome
from tests.support import statements
from tests.support.place import Place, newest, outcomes_of
from tests.web.conftest import Door

CONTROLS = """\
id: A-SBOM
query: [{kind: sbom, where: criticals==0, on_empty: {outcome: not_applicable, reason: None is kept here.}}]
---
id: A-SUPPLIER
query: [{kind: vsa, where: result==passed, on_empty: {outcome: not_applicable, reason: It is our own.}}]
"""


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    """One catalog for both: what they make is clean, and what they take was verified by whom they take it from."""
    async with place.application(catalog=place.catalog({"a.yaml": CONTROLS})) as opened:
        yield opened


async def outcome(door: Door, control: str) -> Outcome:
    await door.application.reassessor.sweep()
    return outcomes_of(await newest(door.application, door.scope))[control]


@pytest.mark.parametrize(("criticals", "expected"), [(0, Outcome.PASS), (1, Outcome.FAIL)])
async def test_a_suppliers_verdict_is_evidence_of_the_customer(
    door: Door, rival: Door, criticals: int, expected: Outcome
) -> None:
    await door.upload(statements.release())
    await door.upload(statements.sbom(criticals=criticals))
    assert await outcome(door, "A-SBOM") is expected
    vsa = (await door.http.get("/v1/releases/widget/vsa")).content
    key = (await door.http.get("/v1/evidence-key")).content

    await rival.application.tenancy.add_key(rival.scope, key, "supplier")
    await rival.upload(statements.release())
    assert await outcome(rival, "A-SUPPLIER") is Outcome.NOT_APPLICABLE
    assert (await rival.http.post("/v1/evidence", content=vsa)).status_code == 201
    assert await outcome(rival, "A-SUPPLIER") is expected
