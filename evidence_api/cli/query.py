"""`evidence-api query`: one GraphQL question, of one server with a token, or signed, of several organisations at once.

The base install is enough. With --as the question is signed and each answer is believed only if the member's pinned
key signed it for that question. Every member asked is in the output. The exit code is

    0  every one answered, from a log as new as was asked for
    2  one refused, answered in part, or answered with something that does not verify
    3  none of these, but one was absent, or its log has stood still for too long
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import typer

from evidence_api.cli import output
from evidence_api.cli import query_options as options
from evidence_api.cli.client import Client
from evidence_api.cli.credentials import DEFAULT_SERVER, Server, Token
from evidence_api.cli.federated_output import exit_code, keep_standing, print_answers, remembered
from evidence_api.cli.peer_key import load_signer
from evidence_api.cli.since import length_of
from evidence_api.domain.errors import EvidenceError, NotFound
from evidence_api.domain.federated import Member, MemberAnswer
from evidence_api.engines.clock import SystemClock
from evidence_api.engines.federation_client import FederationClient
from evidence_api.formats.federation_file import parse_members
from evidence_api.use_cases.ask_members import Terms, ask_members


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked, and of whom."""

    question: Mapping[str, Any]
    members: Sequence[Member]
    terms: Terms


def query(  # noqa: PLR0917  one argument per option
    query_file: options.Query = None,
    document: options.Document = None,
    variables: options.Variables = "{}",
    operation: options.Operation = None,
    as_: options.As = None,
    members: options.Members = Path("federation.yaml"),
    member: options.Names = None,
    deadline: options.Deadline = 10.0,
    stale_after: options.StaleAfter = None,
    remember: options.Remember = None,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    json: options.Json = False,
) -> None:
    """Ask a GraphQL question: of one server with --token, or signed, of several organisations, with --as.

    Exit code 0 only if everybody asked has answered; 2 if one refused, 3 if one was absent or stale.
    """
    question = _question(query_file, document, variables, operation)
    if as_ is None:
        _ask_one(server, token, question)
        return
    chosen = _chosen(members, member or ())
    terms = Terms(deadline, _length(stale_after), remembered(remember))
    answers = asyncio.run(_ask(as_, _Asked(question, chosen, terms)))
    keep_standing(remember, answers)
    print_answers(answers, as_json=json)
    raise typer.Exit(exit_code(answers))


def _ask_one(server: str, token: str, question: Mapping[str, Any]) -> None:
    if not token:
        raise EvidenceError("give --token, or --as with a peer's key", code="usage")
    with Client(server, token) as client:
        output.print_json({"data": client.ask_graphql(question)})


async def _ask(key: Path, asked: _Asked) -> tuple[MemberAnswer, ...]:
    clock = SystemClock()
    async with httpx.AsyncClient(follow_redirects=False, timeout=asked.terms.deadline, trust_env=False) as http:
        client = FederationClient(load_signer(key), clock, http)
        return await ask_members(client, asked.members, asked.question, asked.terms, clock)


def _chosen(file: Path, names: Sequence[str]) -> tuple[Member, ...]:
    try:
        listed = parse_members(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as fault:
        raise EvidenceError(f"{file} cannot be read: {fault}", code="unreadable_file", path=str(file)) from fault
    known = {one.name: one for one in listed}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NotFound(f"{file} lists no member {unknown[0][:80]!r}", value=sorted(known))
    return tuple(known[name] for name in dict.fromkeys(names)) if names else listed


def _question(file: Path | None, document: str | None, variables: str, operation: str | None) -> dict[str, Any]:
    if (file is None) == (document is None):
        raise EvidenceError("give --query or --document, one of them", code="usage")
    asked: dict[str, Any] = {"variables": _variables(variables)}
    if operation is not None:
        asked["operationName"] = operation
    if document is not None:
        return asked | {"documentId": document}
    if file is None:
        raise EvidenceError("give --query", code="usage")
    return asked | {"query": _text(file)}


def _text(file: Path) -> str:
    try:
        return typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise EvidenceError(f"{file} cannot be read: {fault}", code="unreadable_file", path=str(file)) from fault


def _variables(given: str) -> dict[str, Any]:
    text = _text(Path(given[1:])) if given.startswith("@") else given
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise EvidenceError(f"--variables are not JSON: {fault}", code="usage") from fault
    if not isinstance(found, dict):
        raise EvidenceError("--variables are a JSON object", code="usage")
    return found


def _length(text: str | None) -> Any:  # noqa: ANN401  timedelta or None
    if text is None:
        return None
    found = length_of(text)
    if found is None:
        raise EvidenceError(f"not a length of time: {text[:80]!r} (7d, PT12H)", code="usage")
    return found
