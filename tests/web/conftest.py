"""The whole application over a fresh database, and a client that speaks HTTP to it in process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from evidence_api.bootstrap import Application, asgi_application
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.token import RIGHTS
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from tests.support import statements
from tests.support.place import Place


@dataclass
class Door:
    """A tenant's way in: the client with its token, and the key its evidence is signed with."""

    application: Application
    scope: TenantScope
    signer: EnvelopeSigner
    http: httpx.AsyncClient

    def envelope(self, statement: dict[str, Any]) -> bytes:
        return encode_envelope(self.signer.sign(IN_TOTO, statements.statement_bytes(statement)))

    async def upload(self, statement: dict[str, Any]) -> httpx.Response:
        return await self.http.post("/v1/evidence", content=self.envelope(statement))


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(max_body=2**20) as opened:
        yield opened


async def door_of(application: Application, tenant: str) -> Door:
    signer = EnvelopeSigner.generate("ecdsa-p256", "ci")
    scope = await application.tenancy.create(tenant)
    await application.tenancy.add_key(scope, signer.public_key.pem.encode(), "ci")
    made = await application.tenancy.create_token(scope, "test", RIGHTS, None)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(asgi_application(application), raise_app_exceptions=False),
        base_url="http://evidence.test",
        headers={"Authorization": f"Bearer {made.token}"},
    )
    return Door(application, scope, signer, client)


@pytest.fixture
async def door(application: Application) -> AsyncIterator[Door]:
    made = await door_of(application, "acme")
    async with made.http:
        yield made


@pytest.fixture
async def rival(application: Application) -> AsyncIterator[Door]:
    made = await door_of(application, "rival")
    async with made.http:
        yield made
