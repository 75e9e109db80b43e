"""Federation, the asking side: signs a question, sends it, and believes an answer only if the server's key signed it
for that question.

The plan for an answer, and the codes of what does not hold:
  1. it came, within the deadline, in at most 16 MiB                                 unreachable, answer_too_large
  2. its signature is one of the profile, of now, over this body and this question   formats/federation_profile.py
  3. the key it names is the one whose fingerprint is pinned                         server_key
  4. that key signed it, bound to the signature of the question                      bad_signature
  5. the checkpoint beside it is covered by that signature, can be read and, with the log's key, is signed by it
An answer that is a refusal is checked the same way; one without a signature is told as what it says, and not believed;
at most it is to be tried again later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import orjson

from evidence_api.domain.errors import (
    EvidenceError,
    Malformed,
    TooLarge,
    Undecided,
    UnknownKey,
    VerificationFailed,
)
from evidence_api.domain.federated import Member, SeenCheckpoint
from evidence_api.engines.clock import Clock
from evidence_api.engines.http_signatures import MessageSigner, RegisteredKey, federation_key, verify_signed
from evidence_api.formats import federation_profile as profile
from evidence_api.formats import structured_fields
from evidence_api.formats.checkpoint import parse_checkpoint, parse_verifier, verify_checkpoint
from evidence_api.formats.content_digest import content_digest
from evidence_api.formats.http_message import Fields, Message
from evidence_api.formats.http_signature import Signed
from evidence_api.formats.jwks import MAX_BYTES, parse_jwks

DIRECTORY = "/.well-known/http-message-signatures-directory"
MAX_ANSWER = 16 * 2**20
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """An answer the member signed for this question, with what was signed on either side, so that a third party can be
    shown both."""

    status: int
    body: bytes
    checkpoint: SeenCheckpoint | None
    question: Message
    answer: Message

    def document(self) -> Mapping[str, Any]:
        """The body as a JSON object. Raises Malformed `not_our_server`."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError as fault:
            raise Malformed("the answer is not JSON", code="not_our_server") from fault
        if not isinstance(found, dict):
            raise Malformed("the answer is no JSON object", code="not_our_server")
        return found


class FederationClient:
    """Asks members with one key. `http` is closed by whoever made it."""

    def __init__(self, signer: MessageSigner, clock: Clock, http: httpx.AsyncClient) -> None:
        self._signer = signer
        self._clock = clock
        self._http = http
        self._keys: dict[tuple[str, str], RegisteredKey] = {}

    async def ask(self, member: Member, question: Mapping[str, Any]) -> CheckedAnswer:
        """Ask one member a GraphQL request ({"query" or "documentId", "variables", "operationName"}).

        Raises Undecided `unreachable`, VerificationFailed, BadSignature, UnknownKey, Malformed, TooLarge.
        """
        body = orjson.dumps(question)
        message = self.sign(member, body)
        # 1. the answer
        status, fields, answered = await self._exchange("POST", message.target_uri, message.fields, body)
        answer = Message(fields, status=status, request=message)
        # 2. its signature
        try:
            signed = profile.read_answer(answer, answered, self._clock.now())
        except Malformed as fault:
            if fault.code == "signature_missing":
                raise _unsigned(status, answered) from fault
            raise
        # 3. and 4. the key
        verify_signed(answer, signed, await self._key(member, signed))
        # 5. the checkpoint
        return CheckedAnswer(status, answered, _checkpoint(member, answer, signed), message, answer)

    def sign(self, member: Member, body: bytes) -> Message:
        """A signed question of these bytes. Raises Malformed `member_url`."""
        _check_url(member.url)
        fields: Fields = (
            ("Content-Type", "application/json"),
            ("Accept", "application/graphql-response+json, application/json"),
            ("Content-Digest", content_digest(body)),
        )
        target = f"{member.url.rstrip('/')}/federation/{quote(member.tenant, safe='')}/graphql"
        message = Message(fields, method="POST", target_uri=target)
        created = int(self._clock.now().timestamp())
        described = profile.question_input(self._signer.key_id, token_urlsafe(24), created)
        return replace(message, fields=(*fields, *self._signer.sign(profile.LABEL, message, described)))

    async def _key(self, member: Member, signed: Signed) -> RegisteredKey:
        """The pinned key: its set is fetched once, and only what has the fingerprint is taken from it."""
        if signed.input.text("keyid") != member.fingerprint:
            raise UnknownKey(
                f"{member.name} signed with another key than the one whose fingerprint is pinned",
                code="server_key",
                limit=member.fingerprint,
                value=(signed.input.text("keyid") or "")[:_SHOWN],
            )
        known = self._keys.get((member.url, member.fingerprint))
        if known is None:
            listed = await self.directory(member.url)
            known = listed.get(member.fingerprint)
            if known is None:
                raise UnknownKey(f"{member.name} does not list the pinned key", code="server_key")
            self._keys[member.url, member.fingerprint] = known
        return known

    async def directory(self, url: str) -> dict[str, RegisteredKey]:
        """The keys a server lists, by fingerprint. Raises Undecided `unreachable`, Malformed, TooLarge."""
        _check_url(url)
        _, _, body = await self._exchange("GET", f"{url.rstrip('/')}{DIRECTORY}", (), b"")
        if len(body) > MAX_BYTES:
            raise TooLarge("the key set is too large", limit=MAX_BYTES, value=len(body))
        return {key.key_id: federation_key(key) for key in parse_jwks(body)}

    async def _exchange(self, method: str, url: str, fields: Fields, body: bytes) -> tuple[int, Fields, bytes]:
        content = bytearray()
        try:
            sent = [*fields, ("Accept-Encoding", "identity")]  # the digest is of what is sent
            async with self._http.stream(method, url, headers=sent, content=body or None) as response:
                async for chunk in response.aiter_raw():
                    content += chunk
                    if len(content) > MAX_ANSWER:
                        raise TooLarge("the answer is too large", code="answer_too_large", limit=MAX_ANSWER)
                return response.status_code, tuple(response.headers.multi_items()), bytes(content)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            said = str(fault) or type(fault).__name__
            raise Undecided(f"no answer from {url}: {said[:_SHOWN]}", code="unreachable") from fault


def _check_url(url: str) -> None:
    """Https; http only to this machine."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as fault:
        raise Malformed(f"not a URL: {url[:_SHOWN]!r}", code="member_url", path="url") from fault
    plain = parts.scheme == "http" and host in _LOOPBACK
    if not host or "@" in parts.netloc or parts.query or parts.fragment or not (plain or parts.scheme == "https"):
        raise Malformed(f"members are asked over https alone, not {url[:_SHOWN]!r}", code="member_url", path="url")


def _unsigned(status: int, body: bytes) -> EvidenceError:
    """What somebody says who does not prove to be the member: told, and told as unsigned. That it is to be tried again
    later is no refusal, whoever says it."""
    said: Any = None
    later = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = Undecided if later else VerificationFailed
    try:
        said = orjson.loads(body)
        code, detail = str(said["code"])[:80], str(said["detail"])[:_SHOWN]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return kind(f"HTTP {status}, without a signature", code="unreachable" if later else "signature_missing")
    return kind(f"{detail} (HTTP {status}, without a signature)", code=code)


def _checkpoint(member: Member, answer: Message, signed: Signed) -> SeenCheckpoint | None:
    """Step 5; None where there is none, or none the signature covers."""
    text = answer.field(profile.CHECKPOINT)
    if text is None or not profile.covers(signed, profile.CHECKPOINT):
        return None
    note, parameters = structured_fields.parse(text, "item", name=profile.CHECKPOINT)
    since = parameters.get("at")
    if not isinstance(note, bytes) or not isinstance(since, datetime):
        raise Malformed("the checkpoint is not a note with its time", code="checkpoint", path=profile.CHECKPOINT)
    read = verify_checkpoint(note, parse_verifier(member.log_key)) if member.log_key else parse_checkpoint(note)
    return SeenCheckpoint(read.origin, read.size, read.root, note.decode(), since, signed=bool(member.log_key))
