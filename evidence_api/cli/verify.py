"""`evidence-api verify`: check a pack offline and say in words what held, what did not, and who vouches for it."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import output
from evidence_api.domain.digest import parse_digest
from evidence_api.domain.pack_report import PackReport, StepResult
from evidence_api.engines.pack_key import fingerprint_of_pem
from evidence_api.engines.rego import RegoPool
from evidence_api.use_cases.verify_pack import verify_pack

app = typer.Typer(add_completion=False)

_TIMEOUT = 60.0  # seconds for all verdicts of a pack; a server gives one second to each release
_SIGNS = {
    StepResult.HELD: "ok",
    StepResult.FAILED: "FAILED",
    StepResult.NOT_REACHED: "not reached",
    StepResult.NOT_APPLICABLE: "-",
}


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="The pack: audit-pack.pdf or audit-pack.json.")],
    *,
    key: Annotated[
        str,
        typer.Option(help="Who must have signed: sha256:HEX of certificate or public key, or a PEM file of either."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Verify an audit pack offline: no server, no network; every verdict is derived again.

    Exit code 0: everything held. 1: something did not, or the file is no pack.
    """
    with output.edge(as_json=as_json):
        pinned = _pinned(key)
        content = file.read_bytes()
        with output.waiting("deriving every verdict again", quiet=as_json):
            report = asyncio.run(_verify(content, pinned))
        if as_json:
            output.print_json(report_document(report))
        else:
            _show(report, file.name)
    raise typer.Exit(output.OK if report.ok else output.NO)


async def _verify(content: bytes, pinned: str | None) -> PackReport:
    async with RegoPool(workers=1, timeout=_TIMEOUT) as rego:
        return await verify_pack(content, rego=rego, pinned_key=pinned)


def _pinned(key: str) -> str | None:
    """The digest the signer must have. Raises Malformed for neither a digest nor a PEM."""
    if not key:
        return None
    return parse_digest(key) if key.startswith("sha256:") else fingerprint_of_pem(Path(key).read_bytes())


def report_document(report: PackReport) -> dict[str, Any]:
    """The report as JSON."""
    summary = report.summary
    return {
        "ok": report.ok,
        "form": report.form,
        "digest": report.digest,
        "signer": {"fingerprint": report.signer, "name": report.signer_name, "pinned": report.pinned},
        "codes": list(report.codes),
        "pack": None
        if summary is None
        else {
            "tenant": summary.tenant,
            "release": summary.release,
            "evaluatedAt": summary.evaluated_at,
            "treeSize": summary.tree_size,
            "status": summary.status,
            "completeness": summary.completeness,
            "counts": {outcome.value: count for outcome, count in summary.counts.items()},
            "notes": list(summary.notes),
        },
        "steps": [
            {
                "number": step.number,
                "name": step.name,
                "result": step.result.value,
                "detail": step.detail,
                "code": step.code,
            }
            for step in report.steps
        ],
    }


def _show(report: PackReport, name: str) -> None:
    rows = [
        (step.number, step.name, _SIGNS[step.result], f"{step.code}: {step.detail}" if step.code else step.detail)
        for step in report.steps
    ]
    output.print_table(("", "Step", "Result", "Found"), rows, title=name)
    output.say("")
    if report.summary is not None:
        counts = ", ".join(
            f"{count} {outcome.value.replace('_', ' ')}" for outcome, count in report.summary.counts.items() if count
        )
        output.say(f"{report.summary.release} of {report.summary.tenant}: {counts}")
        for note in report.summary.notes:
            output.say(f"  note: {note}")
    if report.signer:
        output.say(f"signed by {report.signer_name or 'a nameless key'}, {report.signer}")
        if not report.pinned:
            output.say("  compare this fingerprint with the issuer's, or give it as --key: the name proves nothing")
    output.say("VERIFIED: every verdict follows from the evidence inside." if report.ok else "NOT VERIFIED.")
