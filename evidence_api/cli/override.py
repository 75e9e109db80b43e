"""`evidence-api override`: a control (or policy rule) accepted as not met, for a while, signed by who approves it.

The plan:
  1. what it is about: the digests of --release, asked of the server, or each --subject
  2. the statement, read again as the server will read it; what the server would refuse is refused here
  3. the approver's signature: a key file, a key at a URI, or Sigstore                    cli/signing.py
  4. it goes to the server, and the receipt is checked, or to --output                    cli/sending.py
Who may approve, and for how long at most, is the server's policy (area `override`): its refusal comes with the reasons.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import orjson
import typer

import evidence_api
from evidence_api.cli import output, release_queries, signing
from evidence_api.cli.attest import subject_of
from evidence_api.cli.client import Client
from evidence_api.cli.credentials import DEFAULT_SERVER, Audience, FromExchange, Sending, Server, Tenant, Token, connect
from evidence_api.cli.sending import Outgoing, Result, send_one
from evidence_api.cli.submit import LogKey, show
from evidence_api.domain.errors import EvidenceError, Inadmissible
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Subject
from evidence_api.domain.waiver import same_person
from evidence_api.engines.clock import SystemClock
from evidence_api.formats import attesting
from evidence_api.formats.predicates.override import PREDICATE_TYPE
from evidence_api.formats.upload import identity, recognise

_NOT_RUN = frozenset({"draft", "retired"})
_PAGE = 100
_CONTROL = "query Control($ref: ID!) { control(id: $ref) { state replacedBy } }"
_CONTROLS = """
query Controls($first: Int!, $after: String) {
  controls(first: $first, after: $after) { edges { node { ref } } pageInfo { hasNextPage endCursor } }
}"""

Control = Annotated[str, typer.Argument(metavar="[CONTROL]", help="The control that is not met, e.g. IG-SC-5.")]
Rule = Annotated[str, typer.Option(metavar="ID", help="Instead of a control: the policy rule that denied.")]
Release = Annotated[str, typer.Option(metavar="RELEASE", help="name (the newest of it), name@version or evidence id.")]
Subjects = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE|DIGEST", help="Instead of --release: a file, sha256:HEX or NAME=sha256:HEX; repeatable."
    ),
]
Scope = Annotated[
    str | None,
    typer.Option(help='Name, name@version or digest it counts for; "" is every release of the subjects.'),
]
Until = Annotated[str, typer.Option(help="The last day on which it counts (UTC), or the moment at which it ends.")]
From = Annotated[str, typer.Option("--from", help="The first day or moment; now if not given.")]
Output = Annotated[
    Path | None, typer.Option("--output", "--out", "-o", help="Write it to this file instead of sending it.")
]
Json = Annotated[bool, typer.Option("--json", help="Say what was made, and the receipt, as JSON.")]


@dataclass(frozen=True, slots=True)
class _Told:
    """The words of an override, as given."""

    control: str
    rule: str
    scope: str | None
    reason: str
    people: Mapping[str, str]
    starts: str
    until: str
    release: str
    subjects: Sequence[str]


def override(  # one parameter for each option
    control: Control = "",
    *,
    reason: Annotated[str, typer.Option(help="Why it is accepted.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    requester: Annotated[str, typer.Option(help="Who asks for it.")],
    approver: Annotated[str, typer.Option(help="Who approves it, and signs it: somebody else.")],
    until: Until,
    starts: From = "",
    release: Release = "",
    subject: Subjects = None,
    scope: Scope = None,
    rule: Rule = "",
    key: signing.Key = "",
    kms: signing.Kms = "",
    public_key: signing.Public = None,
    keyless: signing.Keyless = False,
    identity_token: signing.IdentityToken = "",
    trust_config: signing.TrustConfig = None,
    out: Output = None,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    token_from_exchange: FromExchange = "",
    tenant: Tenant = "",
    audience: Audience = "",
    log_key: LogKey = None,
    json: Json = False,
) -> None:
    """Accept, for a while, that a control is not met; the approver signs, and is not who asks.

    A later one of the same control and scope takes its place: to end it early, say it again with the same --from and an
    --until that has passed.
    """
    asked = signing.Asked(key, kms, public_key, keyless, identity_token, trust_config)
    people = {"owner": owner, "requester": requester, "approver": approver}
    told = _Told(control, rule, scope, reason, people, starts, until, release, subject or ())
    _make(told, asked, Sending(server, token, token_from_exchange, tenant, audience), out, log_key, as_json=json)


def _make(  # one for each part of the plan
    told: _Told, asked: signing.Asked, to: Sending, out: Path | None, log_key: str | None, *, as_json: bool
) -> None:
    _check_signer(asked)
    _check(told)
    # Who may not send is told before anything is signed: a keyless signature is public and stays in its log.
    with nullcontext() if out is not None and not told.release else connect(to) as client:
        about, narrow = _about(client, told)
        predicate = _predicate(told, narrow)
        body = signing.sign(attesting.attest_predicate(PREDICATE_TYPE, orjson.dumps(predicate), about), asked)
        result = None if client is None or out is not None else send_one(client, Outgoing("override", 0, body), log_key)
    if out is not None:
        out.write_bytes(body)
    _show(predicate, about, body, out, result, as_json=as_json)


def _check_signer(asked: signing.Asked) -> None:
    if not (asked.key or asked.kms or asked.keyless):
        raise EvidenceError("the approver signs: give one of --key, --kms, --keyless", code="usage")
    signing.check_one(asked)


def _check(told: _Told) -> None:
    """What can be told without the server. Raises EvidenceError `usage`, Inadmissible `self_approved`."""
    if bool(told.control) == bool(told.rule):
        raise EvidenceError("say what is overridden: either a CONTROL or --rule", code="usage")
    if bool(told.release) == bool(told.subjects):
        raise EvidenceError("say what it is about: either --release or --subject", code="usage")
    if same_person(told.people["requester"], told.people["approver"]):
        raise Inadmissible(
            f"{told.people['approver']} asks for it and approves it; somebody else has to",
            code="self_approved",
            path="approver",
        )


def _about(client: Client | None, told: _Told) -> tuple[Sequence[Subject], str]:
    """What it is about, and the scope where none is given: that release alone."""
    if client is None or not told.release:
        return [subject_of(one) for one in told.subjects], ""
    found = release_queries.release(client, told.release)
    if told.control:
        _check_control(client, told.control)
    named = f"{found['name']}@{found['version']}"
    return [_subject(named, digest) for digest in found["digests"]], named


def _subject(name: str, digest: str) -> Subject:
    algorithm, _, value = digest.partition(":")
    return Subject(name, MappingProxyType({algorithm: value}))


def _check_control(client: Client, control: str) -> None:
    """Raises Inadmissible `unknown_control` with the nearest, `control_not_run`: the codes the server has for it."""
    found = client.graphql(_CONTROL, {"ref": control})["control"]
    if found is None:
        near = get_close_matches(control, _refs(client), 1)
        hint = f"; the nearest is {near[0]}" if near else ""
        said = f"the override matches nothing: there is no control {control[:200]!r}{hint}"
        raise Inadmissible(said, code="unknown_control", value=control[:200], nearest=near[0] if near else None)
    if found["state"] in _NOT_RUN:
        hint = f"; it was replaced by {found['replacedBy']}" if found["replacedBy"] else ""
        said = f"the override matches nothing: control {control} is {found['state']}, so it is not run{hint}"
        raise Inadmissible(said, code="control_not_run", value=control, nearest=found["replacedBy"] or None)


def _refs(client: Client) -> list[str]:
    refs: list[str] = []
    after = None
    while True:
        page = client.graphql(_CONTROLS, {"first": _PAGE, "after": after})["controls"]
        refs += [edge["node"]["ref"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return refs
        after = page["pageInfo"]["endCursor"]


def _predicate(told: _Told, narrow: str) -> dict[str, Any]:
    now = format_rfc3339(SystemClock().now())
    return {
        "producer": {"id": "evidence-api-cli", "version": evidence_api.__version__},
        "decidedAt": now,
        **({"control": told.control} if told.control else {"rule": told.rule}),
        "scope": narrow if told.scope is None else told.scope,
        "reason": told.reason,
        **told.people,
        "from": told.starts or now,
        "until": told.until,
    }


def _show(
    predicate: Mapping[str, Any],
    about: Sequence[Subject],
    body: bytes,
    out: Path | None,
    result: Result | None,
    *,
    as_json: bool,
) -> None:
    evidence = identity(recognise(body))
    if as_json:
        made = {"evidence": evidence, "override": predicate, "subjects": [list(one.digests) for one in about]}
        written = {} if out is None else {"out": str(out)}
        output.print_json({**made, **written, **({} if result is None else {"sent": result.to_json()})})
    elif result is not None:
        show([result])
    else:
        output.say(f"{out}: override of {predicate.get('control') or predicate.get('rule')}, {evidence}")
    if result is not None and result.fault:
        raise typer.Exit(output.exit_code(result.fault))
