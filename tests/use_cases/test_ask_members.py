"""Members that answer with anything: each is told with what became of it, and keeps nobody else from theirs."""

from typing import cast

import httpx
import orjson
import pytest

from evidence_api.domain.federated import Member, Standing
from evidence_api.engines.federation_client import CheckedAnswer, FederationClient
from evidence_api.engines.http_signatures import MessageSigner
from evidence_api.formats.http_message import Message
from evidence_api.use_cases.ask_members import Terms, ask_members
from tests.support.checked import SteppingClock

MEMBERS = tuple(Member(name, "https://a.example", "acme", "f" * 43) for name in ("odd", "other"))
ANSWERS = {"data": {"__typename": "Query"}}


class _Client:
    """One member signs what is given, the others a good answer."""

    def __init__(self, odd: object) -> None:
        self._odd = odd

    async def ask(self, member: Member, _question: object) -> CheckedAnswer:
        body = orjson.dumps(self._odd if member.name == "odd" else ANSWERS)
        return CheckedAnswer(200, body, None, Message(), Message())


@pytest.mark.parametrize("errors", [5, True, {"message": "no"}, ["no"], "no"])
async def test_errors_that_are_no_errors_are_refused(errors: object, clock: SteppingClock) -> None:
    client = cast("FederationClient", _Client(ANSWERS | {"errors": errors}))
    odd, other = await ask_members(client, MEMBERS, {"query": "{ __typename }"}, Terms(), clock)
    assert (odd.standing, odd.code) == (Standing.REFUSED, "not_our_server")
    assert (other.standing, other.code) == (Standing.STALE, "no_checkpoint")
    assert other.data == ANSWERS["data"]


@pytest.mark.parametrize(
    ("status", "body", "standing", "code"),
    [
        (503, b'{"code": "audit_unavailable", "detail": "later"}', Standing.ABSENT, "audit_unavailable"),
        (502, b"<html>", Standing.ABSENT, "unreachable"),
        (429, b"{}", Standing.ABSENT, "unreachable"),
        (403, b'{"code": "federation_off", "detail": "no"}', Standing.REFUSED, "federation_off"),
        (200, b'{"data": {}}', Standing.REFUSED, "signature_missing"),
    ],
)
async def test_what_nobody_signed_is_never_an_answer(
    status: int, body: bytes, standing: Standing, code: str, clock: SteppingClock
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, stream=httpx.ByteStream(body)))
    async with httpx.AsyncClient(transport=transport) as http:
        client = FederationClient(MessageSigner.generate(), clock, http)
        (told,) = await ask_members(client, MEMBERS[:1], {"query": "{ __typename }"}, Terms(), clock)
    assert (told.standing, told.code, told.data, told.signed) == (standing, code, None, False)
