"""A verdict of one tenant decides a control of another: the VSA is fetched, uploaded, verified, and asked for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evidence_api.bootstrap import Application, open_application
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.settings import Settings
from evidence_api.store import assessments, releases
from evidence_api.store.migrate import Login, login_dsn
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.web.conftest import Door

CONTROLS = """\
id: A-SBOM
query: [{kind: sbom, where: criticals==0, on_empty: {outcome: not_applicable, reason: None is kept here.}}]
---
id: A-SUPPLIER
query: [{kind: vsa, where: result==passed, on_empty: {outcome: not_applicable, reason: It is our own.}}]
"""


@pytest.fixture
async def application(
    login: Login, tmp_path: Path, clock: SteppingClock, nursery: Nursery
) -> AsyncIterator[Application]:
    """One catalog for both: what they make is clean, and what they take was verified by whom they take it from."""
    (tmp_path / "controls").mkdir()
    (tmp_path / "controls" / "a.yaml").write_text(CONTROLS)
    dsn = login_dsn(login.app_dsn, "postgres")
    settings = Settings.from_environment(home=tmp_path, database_url=dsn, catalog=tmp_path / "controls")
    async with open_application(settings, clock, nursery) as opened:
        yield opened


async def outcome(door: Door, control: str) -> str:
    await door.application.reassessor.sweep()
    async with door.application.database.reading(door.scope) as connection:
        release = await releases.find(connection, door.scope, "widget")
        latest = await assessments.latest(connection, door.scope, release.id)
    assert latest is not None
    return next(one.outcome.value for one in latest[1].findings if one.control == control)


@pytest.mark.parametrize(("criticals", "expected"), [(0, "pass"), (1, "fail")])
async def test_a_suppliers_verdict_is_evidence_of_the_customer(
    door: Door, rival: Door, criticals: int, expected: str
) -> None:
    await door.upload(statements.release())
    await door.upload(statements.sbom(criticals=criticals))
    assert await outcome(door, "A-SBOM") == expected
    vsa = (await door.http.get("/v1/releases/widget/vsa")).content
    key = (await door.http.get("/v1/evidence-key")).content

    await rival.application.tenancy.add_key(rival.scope, key, "supplier")
    await rival.upload(statements.release())
    assert await outcome(rival, "A-SUPPLIER") == "not_applicable"
    assert (await rival.http.post("/v1/evidence", content=vsa)).status_code == 201
    assert await outcome(rival, "A-SUPPLIER") == expected
