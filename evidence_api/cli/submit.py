"""`evidence-api submit`: files and folders go to the server, and what comes back is checked before it is believed.

A file may hold one upload, a container of several (GitHub, npm, PEP 740) or one a line (JSON Lines); a folder stands
for the files in it. How they are sent and what of the receipts is checked: cli/sending.py.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from evidence_api.cli import output
from evidence_api.cli.credentials import DEFAULT_SERVER, Audience, FromExchange, Sending, Server, Tenant, Token, connect
from evidence_api.cli.sending import Outgoing, Result, Sender
from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.checkpoint import parse_verifier
from evidence_api.formats.upload import members

_SUFFIXES = {".json", ".jsonl", ".ndjson", ".xml", ".sarif", ".sigstore", ".intoto", ".cdx", ".spdx", ".vex", ".att"}

_MOST_SHOWN = 100
_PATHS_SHOWN = 10

LogKey = Annotated[
    str | None,
    typer.Option(envvar="EVIDENCE_LOG_VERIFIER", help="The log's verifier key: <name>+<key id>+<base64>."),
]
Files = Annotated[
    list[Path],
    typer.Argument(
        help="Envelopes, bundles, statements, raw documents, JSON Lines of them, folders.", metavar="FILE..."
    ),
]
Subjects = Annotated[
    list[str] | None,
    typer.Option(metavar="DIGEST", help="What raw documents among the files are about: sha256:HEX; may be repeated."),
]
MustAgree = Annotated[
    bool,
    typer.Option(
        "--must-agree",
        help="Exit code 1 when a decision sent does not come out as it claims. What the server has still to check "
        "against its ledgers, rules or artifacts is named, and does not count.",
    ),
]


def submit(
    files: Files,
    token: Token = "",
    server: Server = DEFAULT_SERVER,
    *,
    token_from_exchange: FromExchange = "",
    tenant: Tenant = "",
    audience: Audience = "",
    subject: Subjects = None,
    log_key: LogKey = None,
    must_agree: MustAgree = False,
    json: Annotated[bool, typer.Option("--json", help="Print the receipts as JSON.")] = False,
) -> None:
    """Send evidence and check each receipt's proof.

    What is several goes in batches of up to 1,000, what is large goes as gzip. Nothing already known is stored twice,
    so a run that was cut off is simply run again.

    Decisions (of routers, gates, budgets …) are computed again by the server: what does not come out as claimed is
    stored all the same, and named.

    Exit code 1 when something was refused or a receipt does not prove what it says, 3 when the server did not decide.
    """
    verifier = parse_verifier(log_key) if log_key else None
    uploads, unread = _read(files)
    results = list(unread)
    with connect(Sending(server, token, token_from_exchange, tenant, audience)) as client:
        sender = Sender(client, verifier, subject or ())
        with output.progress(f"sending to {server}", len(uploads), quiet=json) as sent:
            results.extend(sender.send(uploads, sent))
    _tell(results, len(uploads) + len(unread) - len(results), json=json)
    codes = [output.exit_code(result.fault) for result in results if result.fault]
    if must_agree and any(map(_disagrees, results)):
        codes.append(output.NO)
    if codes:
        raise typer.Exit(max(codes))


def _tell(results: Sequence[Result], unsent: int, *, json: bool) -> None:
    summary = _summary(results, unsent)
    if json:
        output.print_json({"results": [result.to_json() for result in results], "summary": summary})
        return
    show(results)
    if len(results) + unsent > 1:
        output.note(", ".join(f"{count} {name}" for name, count in summary.items() if count))


def _read(files: Sequence[Path]) -> tuple[list[Outgoing], list[Result]]:
    """The uploads in the files; a file that holds none is a result already."""
    uploads: list[Outgoing] = []
    faults: list[Result] = []
    for path in _files(files):
        body = path.read_bytes()
        try:
            found = members(body)
        except EvidenceError as fault:
            faults.append(Result(Outgoing(str(path), 0, body), fault=fault))
            continue
        several = len(found) > 1
        uploads.extend(Outgoing(str(path), place if several else 0, one) for place, one in enumerate(found, 1))
    return uploads, faults


def _files(given: Sequence[Path]) -> Iterator[Path]:
    """Files as they are named; of a folder, those below it with a suffix of ours and no name that is hidden."""
    for path in given:
        if not path.is_dir():
            yield path
            continue
        below = (one for one in sorted(path.rglob("*")) if one.suffix.lower() in _SUFFIXES and one.is_file())
        yield from (one for one in below if not any(part.startswith(".") for part in one.relative_to(path).parts))


def _summary(results: Sequence[Result], unsent: int) -> dict[str, int]:
    states = Counter(_state(result) for result in results)
    return {**{name: states[name] for name in ("new", "known", "refused")}, "unsent": unsent}


def _state(result: Result) -> str:
    if result.fault:
        return "refused"
    return "new" if result.receipt.get("created") else "known"


def show(results: Sequence[Result]) -> None:
    """Print what became of each as a table; of very many, only of those that were refused."""
    rows = []
    for result in results if len(results) <= _MOST_SHOWN else [one for one in results if one.fault]:
        if result.fault:
            why = f"{result.fault.code}: {result.fault.message}"
            rows.append((result.upload.name, _state(result), "", "", why))
        else:
            receipt = result.receipt
            place = (receipt["leafIndex"], receipt["treeSize"], receipt["evidenceId"])
            rows.append((result.upload.name, _state(result), *place))
    if rows:
        output.print_table(["file", "", "leaf", "tree", "evidence"], rows)
    _show_decisions(results)
    if any(result.receipt and not result.signed for result in results):
        output.note("inclusion proved; the checkpoint's signature was not checked (give --log-key)")


def _show_decisions(results: Sequence[Result]) -> None:
    for result in [one for one in results if _disagrees(one)][:_MOST_SHOWN]:
        paths = result.receipt["reperformance"]["differing"]
        differing = ", ".join(paths[:_PATHS_SHOWN]) + (" and more" if len(paths) > _PATHS_SHOWN else "")
        output.note(f"{result.upload.name}: stored, but does not come out as it claims: {differing}")
    for result in [one for one in results if _came_to(one) == "PENDING"][:_MOST_SHOWN]:
        evidence = result.receipt["evidenceId"]
        output.note(
            f"{result.upload.name}: waits for the server's own check; see evidence-api evidence show {evidence}"
        )


def _disagrees(result: Result) -> bool:
    return _came_to(result) == "DISAGREES"


def _came_to(result: Result) -> object:
    found = result.receipt.get("reperformance")
    return found.get("status") if isinstance(found, Mapping) else None
