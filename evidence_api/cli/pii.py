"""`evidence-api pii`: looks for personal data and secrets before something leaves, and redacts them.

Needs neither server nor database. What is found is named by its place, never shown. Policy (data.export) says what may
leave; a pipeline can stop on the exit code.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import output
from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import EvidenceError, Refused
from evidence_api.domain.pii import Found
from evidence_api.engines.files import shipped, write_file
from evidence_api.engines.rego import RegoPool
from evidence_api.engines.secrets import find_secrets
from evidence_api.formats.pii_documents import redacted
from evidence_api.formats.stored import stored_payload
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.pii_guard import PiiGuard, look
from evidence_api.use_cases.policies import load_policy

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Find personal data and secrets, redact them.")

_PURPOSE = "statement"

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("scan")
def scan(
    files: Annotated[list[Path], typer.Argument(help="Evidence, statements, SBOMs, reports: any JSON or text.")],
    policy: Annotated[Path | None, typer.Option(help="Folder of policies; the shipped ones if left out.")] = None,
    json: AsJson = False,
) -> None:
    """Look through files: e-mail addresses, phone numbers, payment cards, national ids, secrets.

    What is no text (an archive, an image, UTF-16) cannot be looked through and is refused: unpack or convert it first.

    Exit code 1 when one holds something that policy (area export, purpose "statement") does not let leave.
    """
    looked = []
    with output.progress("looking through files", len(files), quiet=json) as advance:
        for path in files:
            looked.append((path, look(_text(path))))
            advance(1)
    decisions = asyncio.run(_decide(policy or shipped("policy"), [found for _, found in looked]))
    told = [_told(path, found, one) for (path, found), one in zip(looked, decisions, strict=True)]
    if json:
        output.print_json({"files": told})
    else:
        for one in told:
            _say(one)
    if not all(one["may_leave"] for one in told):
        raise typer.Exit(output.NO)


@app.command("redact")
def redact(
    file: Annotated[Path, typer.Argument(help="Evidence (its statement is taken out), a statement, or a document.")],
    target: Annotated[Path, typer.Option("--out", "-o", help="Where the copy is written; never over the original.")],
    json: AsJson = False,
) -> None:
    """Write a copy with a placeholder for everything found. A redacted copy is no evidence: no signature covers it."""
    if target.resolve() == file.resolve():
        raise EvidenceError("the copy may not take the place of the original", code="usage", path=str(target))
    body = _text(file)
    copy, found = redacted(_payload(body), find_secrets)
    write_file(target, copy)
    if json:
        output.print_json({"out": str(target), "redacted": [_place(one) for one in found]})
    else:
        output.say(f"{target}: {len(found)} places redacted")


def _text(path: Path) -> bytes:
    """The bytes of a text or JSON file. A NUL stands in none: what has one would be looked through in vain."""
    try:
        body = path.read_bytes()
    except OSError as fault:
        raise EvidenceError(f"{path}: {fault.strerror}", code="unreadable_file", path=str(path)) from fault
    if b"\0" in body:
        message = f"{path} is no text, so nothing in it can be looked through; unpack it, or convert it to UTF-8"
        raise EvidenceError(message, code="unsupported", path=str(path))
    return body


def _payload(body: bytes) -> bytes:
    """What was signed; of what is no evidence, all of it."""
    try:
        payload = stored_payload(body)
    except Refused:
        return body
    return body if payload is None else payload


async def _decide(folder: Path, looked: list[tuple[Found, ...]]) -> list[Decision]:
    async with RegoPool(workers=1) as rego:
        guard = PiiGuard(Gate(rego, await load_policy(rego, folder)))
        return [await guard.decide(_PURPOSE, found) for found in looked]


def _told(path: Path, found: tuple[Found, ...], decision: Decision) -> dict[str, Any]:
    return {
        "file": str(path),
        "may_leave": decision.allow,
        "rules": decision.rules,
        "reasons": decision.reasons,
        "found": [_place(one) for one in found],
    }


def _place(found: Found) -> dict[str, str]:
    return {"path": found.path, "detector": found.detector.value, "what": found.what}


def _say(told: dict[str, Any]) -> None:
    verdict = "may leave" if told["may_leave"] else "may not leave: " + "; ".join(told["reasons"])
    output.say(f"{told['file']}: {len(told['found'])} found, {verdict}")
    for one in told["found"]:
        output.say(f"  {one['path']}: {one['detector']} ({one['what']})")
