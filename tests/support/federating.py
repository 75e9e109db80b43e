"""A peer of a tenant, and its questions: good ones, and ones gone wrong in a way a test says."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import orjson

from evidence_api.bootstrap import Application, asgi_application
from evidence_api.domain.federated import Member
from evidence_api.domain.peers import PeerGrant
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.engines.http_signatures import MessageSigner
from evidence_api.formats import federation_profile as profile
from evidence_api.formats.content_digest import content_digest
from evidence_api.formats.http_message import Fields, Message
from evidence_api.formats.http_signature import Component, SignatureInput
from evidence_api.store import access_audit

PUBLIC = "https://evidence.example"
WHOLE = PeerGrant(ReadGrant(UUID(int=0)))
QUERY = "{ __typename }"
_nonces = count()


def grant(cost_rate: int | None = None, **reading: Any) -> PeerGrant:  # noqa: ANN401  any limit of a grant
    return PeerGrant(ReadGrant(UUID(int=0), **reading), cost_rate)


@dataclass
class Peer:
    """A peer with its key, and a way to the server it asks. `tenant` is whom it asks about."""

    application: Application
    scope: TenantScope
    http: httpx.AsyncClient
    signer: MessageSigner = field(default_factory=MessageSigner.generate)
    name: str = "partner"
    public_url: str = PUBLIC

    async def enrol(self, granted: PeerGrant | None = WHOLE) -> None:
        await self.application.peering.enrol(self.scope, self.name, "", [self.signer.public])
        if granted is not None:
            await self.application.peering.grant(self.scope, self.name, granted)

    @property
    def path(self) -> str:
        return f"/federation/{self.scope.name}/graphql"

    @property
    def member(self) -> Member:
        return Member(self.name, self.public_url, self.scope.name, self.application.federation.key.key_id)

    def described(self, **parameters: Any) -> SignatureInput:  # noqa: ANN401  parameters; None leaves one out
        created = int(self.application.clock.now().timestamp())
        given = profile.question_input(self.signer.key_id, f"nonce-of-a-question-{next(_nonces)}", created)
        said = {name: value for name, value in (dict(given.parameters) | parameters).items() if value is not None}
        return replace(given, parameters=said)

    def question(  # noqa: PLR0913  a way of going wrong each
        self,
        query: str = QUERY,
        *,
        body: bytes | None = None,
        described: SignatureInput | None = None,
        signer: MessageSigner | None = None,
        target: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> tuple[Message, bytes]:
        """A signed question as it goes out, with its body."""
        content = orjson.dumps({"query": query, "variables": variables}) if body is None else body
        fields: Fields = (("Content-Type", "application/json"), ("Content-Digest", content_digest(content)))
        message = Message(fields, method="POST", target_uri=target or f"{self.public_url}{self.path}")
        signed = (signer or self.signer).sign("peer", message, described or self.described())
        return replace(message, fields=(*fields, *signed)), content

    async def send(self, message: Message, body: bytes, path: str | None = None) -> httpx.Response:
        return await self.http.post(path or self.path, content=body, headers=list(message.fields))

    async def ask(self, query: str = QUERY, **wrong: Any) -> httpx.Response:  # noqa: ANN401  as `question` has them
        return await self.send(*self.question(query, **wrong))

    async def audited(self) -> list[tuple[str, str, int]]:
        """Who, which code and which status of each row of the audit, oldest first."""
        async with self.application.database.reading(self.scope) as connection:
            rows = await access_audit.rows_between(connection, self.scope, 1, 10_000)
        entries = [row.entry for row in rows]
        assert {one.principal_kind for one in entries} <= {"peer"}
        return [(one.principal_id, one.notes.code, one.status) for one in entries]

    async def id(self) -> str:
        return str((await self.application.peering.every(self.scope))[0].id)


def covered(*names: str, described: SignatureInput) -> SignatureInput:
    return replace(described, components=tuple(Component(name) for name in names))


def answer_of(response: httpx.Response, question: Message) -> Message:
    """The answer as a message that knows what it answers."""
    return Message(tuple(response.headers.multi_items()), status=response.status_code, request=question)


def asgi_client(application: Application, base_url: str = PUBLIC) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(asgi_application(application), raise_app_exceptions=False), base_url=base_url
    )
