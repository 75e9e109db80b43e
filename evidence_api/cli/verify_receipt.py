"""`evidence-api verify-receipt`: check offline that the server gave an answer, to which question, from which tree."""

from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import output
from evidence_api.domain.pack_report import StepResult
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.engines.keys import load_public_key
from evidence_api.formats.checkpoint import parse_verifier
from evidence_api.formats.strict_json import load_object
from evidence_api.use_cases.verify_receipt import Given, ReceiptReport, verify_receipt

app = typer.Typer(add_completion=False)

_SIGNS = {
    StepResult.HELD: "ok",
    StepResult.FAILED: "FAILED",
    StepResult.NOT_REACHED: "not reached",
    StepResult.NOT_APPLICABLE: "not checked",
}


@app.command("verify-receipt")
def verify_answer_receipt(
    file: Annotated[Path, typer.Argument(help="The answer, as the server sent it (JSON).")],
    *,
    key: Annotated[Path, typer.Option(help="The server's evidence key (PEM): GET /v1/evidence-key.")],
    query: Annotated[Path | None, typer.Option(help="The GraphQL document it must be the answer to.")] = None,
    variables: Annotated[Path | None, typer.Option(help="The variables (JSON) it must have been asked with.")] = None,
    log_key: Annotated[
        str, typer.Option(help="The log's verifier key, <name>+<id>+<base64>, or a file that holds it.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Verify the receipt in an answer offline: no server, no network.

    Exit code 0: everything that was to be checked held. 1: something did not.
    """
    with output.edge(as_json=as_json):
        given = Given(
            key=load_public_key(key.read_bytes()),
            document=None if query is None else query.read_bytes(),
            variables=None if variables is None else load_object(variables.read_bytes(), what="variables"),
            log=parse_verifier(_text_of(log_key)) if log_key else None,
        )
        report = verify_receipt(file.read_bytes(), given)
        if as_json:
            output.print_json(_document(report))
        else:
            _show(report, file.name)
    raise typer.Exit(output.OK if report.ok else output.NO)


def _text_of(given: str) -> str:
    path = Path(given)
    return path.read_text(encoding="utf-8") if path.is_file() else given


def _document(report: ReceiptReport) -> dict[str, Any]:
    said = report.receipt
    return {
        "ok": report.ok,
        "codes": list(report.codes),
        "receipt": None if said is None else said.model_dump(mode="json", by_alias=True),
        "steps": [
            {"name": step.name, "result": step.result.value, "detail": step.detail, "code": step.code}
            for step in report.steps
        ],
    }


def _show(report: ReceiptReport, name: str) -> None:
    rows = [
        (step.name, _SIGNS[step.result], f"{step.code}: {step.detail}" if step.code else step.detail)
        for step in report.steps
    ]
    output.print_table(("Step", "Result", "Found"), rows, title=name)
    output.say("")
    said = report.receipt
    if said is not None:
        output.print_fields(
            (
                ("Tenant", said.tenant),
                ("Asked by", f"{said.principal.kind} {said.principal.id}"),
                ("Answered", format_rfc3339(said.at)),
                ("Tree size", said.as_of),
                ("Request", said.request_id),
            )
        )
    output.say("VERIFIED: the server gave this answer." if report.ok else "NOT VERIFIED.")
