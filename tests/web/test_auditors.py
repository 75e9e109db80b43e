"""Auditors' tokens over HTTP: they read within their grant, change nothing, and end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from evidence_api.domain.errors import Forbidden, Malformed, Unauthenticated
from evidence_api.domain.principal import Principal, ReadGrant
from evidence_api.domain.token import AUDITOR_RIGHTS
from evidence_api.formats.receipt import verify_receipt
from evidence_api.use_cases.tenancy import MAX_GRANT, MAX_NAMES
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.web.conftest import Door

OTHER = f"sha256:{sha256(b'gadget').hexdigest()}"
NAME = "sha256:" + "0" * 64


class Audited:
    """A tenant with two releases, and callers with grants."""

    def __init__(self, door: Door, clock: SteppingClock, answers: dict[str, Any], bodies: dict[str, bytes]) -> None:
        self.door = door
        self.clock = clock
        self.receipts = answers
        self.bodies = bodies

    def grant(self, **limits: Any) -> ReadGrant:  # noqa: ANN401  of a grant
        end = {"not_after": self.clock.now() + timedelta(days=30)}
        return ReadGrant(uuid4(), **{**end, **limits})

    async def client(self, grant: ReadGrant, rights: tuple[str, ...] = AUDITOR_RIGHTS) -> httpx.AsyncClient:
        made = await self.door.application.tenancy.create_auditor(self.door.scope, "auditor", rights, grant)
        assert made.token.startswith("evs_auditor_")
        mine = self.door.http
        return httpx.AsyncClient(
            transport=mine._transport,
            base_url=mine.base_url,
            headers={"Authorization": f"Bearer {made.token}"},
        )

    def blob(self, name: str) -> str:
        return f"/v1/blobs/sha256:{sha256(self.bodies[name]).hexdigest()}"

    def receipt(self, name: str) -> str:
        return f"/v1/evidence/{self.receipts[name]['evidenceId']}/receipt"


@pytest.fixture
async def audited(door: Door, clock: SteppingClock) -> Audited:
    stated = {
        "widget": statements.release(),
        "widget tests": statements.test_result(),
        "gadget": statements.release(OTHER, name="gadget"),
        "gadget tests": statements.test_result(OTHER),
    }
    bodies = {name: door.envelope(one) for name, one in stated.items()}
    receipts = {}
    for name, body in bodies.items():
        answer = await door.http.post("/v1/evidence", content=body)
        assert answer.status_code == 201, answer.text
        receipts[name] = answer.json()
    gadget = b"gadget"
    assert (await door.http.put(f"/v1/artifacts/{OTHER}", content=gadget)).status_code == 201
    await door.application.reassessor.sweep()
    clock.advance(timedelta(minutes=1))
    return Audited(door, clock, receipts, bodies)


async def told(client: httpx.AsyncClient, path: str) -> tuple[int, dict[str, Any]]:
    answer = await client.get(path)
    document = orjson.loads(answer.content)
    for changing in ("requestId", "instance"):
        document.pop(changing, None)
    return answer.status_code, document


async def test_what_is_outside_is_absent_on_every_route(audited: Audited) -> None:
    auditor = await audited.client(audited.grant(releases=frozenset({"gadget"})))
    for inside in (
        *(audited.blob("gadget tests"), audited.receipt("gadget"), f"/v1/artifacts/{OTHER}"),
        "/v1/releases/gadget/vsa",
    ):
        assert (await auditor.get(inside)).status_code == 200, inside
    for outside, there in (
        (audited.blob("widget tests"), f"/v1/blobs/{NAME}"),
        (audited.receipt("widget"), f"/v1/evidence/{NAME}/receipt"),
        ("/v1/releases/widget/vsa", "/v1/releases/nothing/vsa"),
        ("/v1/releases/widget/svr", "/v1/releases/nothing/svr"),
    ):
        status, document = await told(auditor, outside)
        absent, expected = await told(auditor, there)
        assert (status, absent) == (404, 404)
        asked, named = outside.split("/")[3], there.split("/")[3]
        assert orjson.loads(orjson.dumps(document).decode().replace(asked, named)) == expected
    receipt = verify_receipt(
        (await auditor.get(audited.receipt("gadget"))).json(),
        audited.door.application.tenancy.log_verifier(audited.door.scope),
    )
    assert receipt.leaf_index == 2  # proved with the hashes of leaves that are not to be seen


async def test_an_auditor_changes_nothing_and_sees_no_verdict_on_all_frameworks_with_a_grant_of_one(
    audited: Audited,
) -> None:
    auditor = await audited.client(audited.grant())
    requests: tuple[Callable[[], Any], ...] = (
        lambda: auditor.post("/v1/evidence", content=audited.bodies["widget"]),
        lambda: auditor.put(f"/v1/artifacts/{OTHER}", content=b"gadget"),
        lambda: auditor.post("/v1/packs", json={"release": "widget"}),
        lambda: auditor.post("/v1/decide/residency", json={}),
        lambda: auditor.post("/compat/archivista/acme/upload", content=audited.bodies["widget"]),
        lambda: auditor.get("/v1/policy-bundles/acme.tar.gz"),
    )
    for ask in requests:
        answer = await ask()
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await auditor.get("/v1/packs")).json() == {"packs": []}
    assert (await auditor.get("/compat/archivista/rival/download/" + "0" * 64)).status_code == 404
    without = await audited.client(audited.grant(), rights=("evidence:read",))
    assert (await without.get("/v1/packs")).status_code == 403
    of_a_framework = await audited.client(audited.grant(frameworks=frozenset({"aicpa-tsc"})))
    assert (await of_a_framework.get("/v1/releases/gadget/vsa")).json()["code"] == "not_assessed"
    shown = (await of_a_framework.post("/graphql", json={"query": "{ frameworks { ref } viewer { kind } }"})).json()
    assert shown["data"] == {"frameworks": [{"ref": "aicpa-tsc"}], "viewer": {"kind": "auditor"}}


async def test_a_grant_ends_at_its_moment_and_a_token_that_is_revoked_is_nobodys(audited: Audited) -> None:
    auditor = await audited.client(audited.grant(not_after=audited.clock.now() + timedelta(minutes=10)))
    assert (await auditor.get(audited.blob("widget"))).status_code == 200
    audited.clock.advance(timedelta(minutes=11))
    ended = await auditor.get(audited.blob("widget"))
    assert (ended.status_code, ended.json()["rules"]) == (403, ["authorisation.grant_ended"])
    assert "has ended" in ended.json()["detail"]
    over = Principal("auditor", "a", audited.door.scope, frozenset(AUDITOR_RIGHTS), grant=audited.grant())
    audited.clock.advance(timedelta(days=31))
    with pytest.raises(Forbidden):  # a stream reads in one session after another
        async with audited.door.application.reads.session(over):
            pass
    tenancy, door = audited.door.application.tenancy, audited.door
    made = await tenancy.create_auditor(door.scope, "gone", AUDITOR_RIGHTS, audited.grant())
    async with door.application.database.tenant(door.scope) as connection:
        await connection.execute("UPDATE api_token SET revoked_at = now() WHERE id = $1", made.registered.id)
    with pytest.raises(Unauthenticated):
        await door.application.access.authenticate(made.token)
    await refuse_grants_without_sense(audited)


async def refuse_grants_without_sense(audited: Audited) -> None:
    now = audited.clock.now()
    good = audited.grant()
    for path, grant in (
        ("expires", replace(good, not_after=None)),
        ("expires", replace(good, not_after=now)),
        ("expires", replace(good, not_after=now + MAX_GRANT + timedelta(days=1))),
        ("until", replace(good, since=now, until=now)),
        ("release", replace(good, releases=frozenset(map(str, range(MAX_NAMES + 1))))),
        ("release", replace(good, releases=frozenset({"a\0b"}))),
        ("framework", replace(good, frameworks=frozenset({""}))),
    ):
        with pytest.raises(Malformed) as refused:
            await audited.client(grant)
        assert refused.value.fields["path"] == path
    with pytest.raises(Malformed):
        await audited.client(good, rights=("evidence:write",))
