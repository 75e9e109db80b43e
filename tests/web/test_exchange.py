"""A CI job's token becomes an upload token: over HTTP, with an issuer of our own on loopback."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from evidence_api.bootstrap import Application, open_application
from evidence_api.domain.token import token_hash
from evidence_api.domain.trust_rule import TrustRule
from evidence_api.settings import Settings
from evidence_api.store import decisions, refusals
from evidence_api.store.migrate import Login, login_dsn
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.support.issuer import FakeIssuer
from tests.support.sigstore_factory import Sigstore
from tests.web.conftest import Door, door, door_of, rival

__all__ = ["door", "rival"]

PUBLIC = "https://evidence.example"
AUDIENCE = f"{PUBLIC}/acme"
WORLD = Sigstore()
DIGESTS = (f"sha256:{number:064x}" for number in itertools.count())


@pytest.fixture
async def application(login: Login, tmp_path: Path, clock: SteppingClock) -> AsyncIterator[Application]:
    root = tmp_path / "root.json"
    root.write_bytes(WORLD.trusted_root())
    settings = Settings.from_environment(
        home=tmp_path,
        database_url=login_dsn(login.app_dsn, "postgres"),
        trusted_root=root,
        public_url=PUBLIC,
        oidc_loopback=True,
    )
    async with open_application(settings, clock) as opened:
        yield opened


@dataclass
class Ci:
    """A CI system that tenant acme trusts for repository 123."""

    issuer: FakeIssuer
    door: Door
    clock: SteppingClock

    def token(self, **claims: Any) -> str:  # noqa: ANN401  claims
        said = {"repository_id": "123", "repository": "acme/app", "event_name": "push", "ref": "refs/heads/main"}
        return self.issuer.token(self.issuer.claims(self.clock.now(), AUDIENCE, **(said | claims)))

    async def exchange(self, token: str, tenant: str = "acme") -> httpx.Response:
        body = orjson.dumps({"token": token, "tenant": tenant})
        return await self.door.http.post("/v1/token-exchange", content=body, headers={"Authorization": ""})

    async def uploader(self, **claims: Any) -> dict[str, str]:  # noqa: ANN401  claims
        """The headers of a job that has exchanged its token."""
        answer = await self.exchange(self.token(**claims))
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    async def trust(self, *rules: TrustRule) -> None:
        await self.door.application.trust_rules.apply(self.door.scope, rules, dry_run=False)
        self.door.application.trust_rules._book._kept.clear()


def rule(ci: FakeIssuer, name: str = "app", **members: Any) -> TrustRule:  # noqa: ANN401  any member
    return TrustRule(None, name, **{"issuer": ci.url, "claims": {"repository_id": "123"}, **members})


@pytest.fixture
async def ci(door: Door, clock: SteppingClock) -> AsyncIterator[Ci]:
    async with FakeIssuer() as issuer:
        made = Ci(issuer, door, clock)
        await made.trust(rule(issuer))
        yield made


async def test_a_job_gets_a_token_that_uploads_and_does_nothing_else(ci: Ci) -> None:
    answer = await ci.exchange(ci.token())
    assert answer.status_code == 201, answer.text
    assert (answer.json()["tenant"], answer.json()["rules"]) == ("acme", ["app"])
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.json()["token"]
    assert made.startswith("evs_upload_")
    assert token_hash(made)
    headers = {"Authorization": f"Bearer {made}"}
    body = ci.door.envelope(statements.test_result(next(DIGESTS)))
    uploaded = await ci.door.http.post("/v1/evidence", content=body, headers=headers)
    assert uploaded.status_code == 201, uploaded.text
    for method, path in (("POST", "/graphql"), ("GET", "/v1/packs"), ("POST", "/v1/packs")):
        refused = await ci.door.http.request(method, path, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), path
    ci.clock.advance(timedelta(minutes=15))
    ci.door.application.access._known.clear()
    refused = await ci.door.http.post("/v1/evidence", content=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


async def test_who_uploads_is_kept_with_the_token_and_the_decision(ci: Ci) -> None:
    headers = await ci.uploader(run_id="77")
    database, scope = ci.door.application.database, ci.door.scope
    async with database.tenant(scope) as connection:
        row = await connection.fetchrow("SELECT issuer, claims, rules, decision_id FROM upload_token")
        assert row is not None
        decision = await decisions.get(connection, scope, row["decision_id"])
    assert row["issuer"] == ci.issuer.url
    assert orjson.loads(row["claims"])["repository_id"] == "123"
    assert (decision.area, decision.allow, list(decision.rules)) == ("exchange", True, row["rules"])
    body = ci.door.envelope(statements.test_result(next(DIGESTS)))
    await ci.door.http.post("/v1/evidence", content=body, headers=headers)
    async with database.tenant(scope) as connection:
        question = await connection.fetchval("SELECT input FROM decision WHERE area = 'admission'")
    assert orjson.loads(question)["uploader"]["claims"] == {"repository_id": "123", "trigger": "push"}


async def test_every_refusal_has_its_code_and_status(ci: Ci, rival: Door) -> None:
    at = int(ci.clock.now().timestamp())
    spent = ci.token()
    assert (await ci.exchange(spent)).status_code == 201
    refused = {
        "replayed": (401, await ci.exchange(spent)),
        "token_malformed": (401, await ci.exchange("no.token.at-all")),
        "token_expired": (401, await ci.exchange(ci.token(exp=at - 60, iat=at - 120, nbf=at - 120))),
        "token_from_the_future": (401, await ci.exchange(ci.token(iat=at + 120))),
        "audience_mismatch": (401, await ci.exchange(ci.token(aud=f"{PUBLIC}/rival"))),
        "token_not_single_use": (401, await ci.exchange(ci.token(jti=None))),
        "no_trust_rule": (403, await ci.exchange(ci.token(repository_id="666"))),
        "token_too_large": (413, await ci.exchange("x" * 20_000)),
        "malformed": (422, await ci.exchange("")),
    }
    for code, (status, answer) in refused.items():
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert refused["no_trust_rule"][1].json()["detail"] == (
        "no trust rule names the uploader; closest is rule 'app': repository_id: expected 123, got 666"
    )
    assert refused["audience_mismatch"][1].json()["expected"] == AUDIENCE
    for tenant in (rival.scope.name, "nobody"):  # a tenant that is not there looks like one that trusts nobody
        answer = await ci.exchange(ci.token(aud=f"{PUBLIC}/{tenant}"), tenant)
        assert (answer.status_code, answer.json()["code"]) == (403, "issuer_unknown")
        assert answer.json()["detail"] == f"no trust rule of tenant '{tenant}' is about issuer '{ci.issuer.url}'"
    async with ci.door.application.database.tenant(ci.door.scope) as connection:
        on_record = await refusals.newest(connection, ci.door.scope)
    assert {one.code for one in on_record} == {"replayed", "no_trust_rule"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 1, "tenant": "acme"}', b'{"token": "x"}', b"\xff"])
async def test_a_request_of_another_shape(ci: Ci, body: bytes) -> None:
    answer = await ci.door.http.post("/v1/token-exchange", content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


async def test_of_many_requests_with_one_token_exactly_one_wins(ci: Ci) -> None:
    token = ci.token()
    answers = await asyncio.gather(*(ci.exchange(token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 401} == {"replayed"}


async def test_an_issuer_that_is_down(ci: Ci) -> None:
    ci.issuer.down = True
    answer = await ci.exchange(ci.token())
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer_unavailable")
    assert answer.headers["Retry-After"]


async def test_a_fork_and_pull_request_target_need_permission(ci: Ci) -> None:
    fork = {"project_id": "9", "job_project_id": "123", "repository_id": None}
    for claims in (fork, {"event_name": "pull_request_target"}):
        assert (await ci.exchange(ci.token(**claims))).json()["code"] == "no_trust_rule"
    await ci.trust(rule(ci.issuer, allow=("fork", "pull_request_target")))
    for claims in (fork, {"event_name": "pull_request_target"}):
        assert (await ci.exchange(ci.token(**claims))).status_code == 201


async def test_a_job_uploads_what_its_own_repository_signed(ci: Ci) -> None:
    collector = rule(ci.issuer, "collector", claims={"repository_id": "55"})
    await ci.trust(rule(ci.issuer), collector)

    def bundle() -> bytes:
        payload = statements.statement_bytes(statements.test_result(next(DIGESTS)))
        claims = {15: "123", 20: "push"}
        return orjson.dumps(WORLD.of_statement(payload, issuer=ci.issuer.url, claims=claims))

    post = ci.door.http.post
    assert (await post("/v1/evidence", content=bundle(), headers=await ci.uploader())).status_code == 201
    refused = await post("/v1/evidence", content=bundle(), headers=await ci.uploader(repository_id="55"))
    assert (refused.status_code, refused.json()["rules"]) == (422, ["admission.other_uploader"])
    assert "a rule for the uploader with allow: [any_signer] would take it" in refused.json()["detail"]
    await ci.trust(rule(ci.issuer), replace(collector, allow=("any_signer",)))
    taken = await post("/v1/evidence", content=bundle(), headers=await ci.uploader(repository_id="55"))
    assert taken.status_code == 201, taken.text


async def test_a_token_does_not_outlive_its_rule(ci: Ci) -> None:
    headers = await ci.uploader()
    await ci.trust(rule(ci.issuer, name="other", claims={"repository_id": "7"}))
    body = ci.door.envelope(statements.test_result(next(DIGESTS)))
    refused = await ci.door.http.post("/v1/evidence", content=body, headers=headers)
    assert (refused.status_code, refused.json()["rules"]) == (422, ["admission.uploader_rule_ended"])


async def test_without_a_public_url_nothing_is_exchanged(login: Login, tmp_path: Path, clock: SteppingClock) -> None:
    settings = Settings.from_environment(home=tmp_path, database_url=login_dsn(login.app_dsn, "postgres"))
    async with open_application(settings, clock) as opened:
        door = await door_of(opened, "plain")
        async with door.http:
            answer = await door.http.post("/v1/token-exchange", content=b'{"token": "a.b.c", "tenant": "plain"}')
    assert (answer.status_code, answer.json()["code"]) == (403, "exchange_off")
