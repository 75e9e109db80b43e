"""`evidence-api policy ask`: a running server decides, and keeps the decision as evidence. The base install is enough.

`policy eval` asks the same question of a folder of policies here, and records nothing.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import output
from evidence_api.cli.client import Client
from evidence_api.cli.credentials import DEFAULT_SERVER, Server, Token
from evidence_api.domain.errors import EvidenceError, Undecided


def ask(
    area: Annotated[str, typer.Argument(help="Policy area: residency, model_call, write_paths …")],
    *,
    input_: Annotated[
        Path, typer.Option("--input", "-i", allow_dash=True, help="JSON file with the area's input; - is stdin.")
    ],
    subject: Annotated[
        list[str] | None, typer.Option(metavar="DIGEST", help="What it is about: sha256:HEX; may be repeated.")
    ] = None,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON, with its receipt.")] = False,
) -> None:
    """Ask a server's policy area and print its answer. The token needs the right `decide`.

    Exit code 0 only when it allows; 1 when it denies or refuses the question, 3 when it did not decide.
    """
    if not token:
        raise EvidenceError("give --token", code="usage")
    with Client(server, token) as client:
        answer = checked(client.ask(area, _body(input_), subject or ()))
    if json:
        output.print_json(answer)
    else:
        output.say("allow" if answer["allow"] else "deny")
        for line in (*answer["rules"], *answer["reasons"]):
            output.say(f"  {line}")
        output.note(f"decision {answer['decision']}\nevidence {answer['evidence']}")
    if not answer["allow"]:
        raise typer.Exit(output.NO)


def checked(answer: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """The answer, if it is one. Raises Undecided `not_our_server`: nothing but a decision allows."""
    match answer:
        case {"allow": bool(), "rules": list(), "reasons": list(), "decision": str(), "evidence": str()}:
            return dict(answer)
        case _:
            raise Undecided("the question was not answered with a decision", code="not_our_server")


def _body(path: Path) -> bytes:
    try:
        return typer.get_binary_stream("stdin").read() if str(path) == "-" else path.read_bytes()
    except OSError as fault:
        raise EvidenceError(f"{path}: {fault.strerror}", code="unreadable_file", path=str(path)) from fault
