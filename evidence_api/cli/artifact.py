"""`evidence-api artifact`: raw files to and from a server, by digest."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import output
from evidence_api.cli.client import Client
from evidence_api.cli.credentials import DEFAULT_SERVER, Server, Token
from evidence_api.domain.digest import parse_digest
from evidence_api.domain.errors import Denied, EvidenceError, Undecided, VerificationFailed

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Send and fetch the raw files evidence is about.")

_CHUNK = 1024 * 1024

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("put")
def put(
    files: Annotated[list[Path], typer.Argument(help="Files to send.", metavar="FILE...", exists=True, dir_okay=False)],
    token: Token,
    server: Server = DEFAULT_SERVER,
    json: AsJson = False,
) -> None:
    """Send files under their SHA-256. A file the server has is not sent; after a broken upload run it again."""
    results: list[dict[str, Any]] = []
    codes: list[int] = []
    with Client(server, token) as client:
        for path in files:
            digest = _digest_of(path)
            try:
                with output.waiting(f"sending {path}", quiet=json):
                    results.append({"file": str(path), **client.put_artifact(digest, path)})
            except EvidenceError as fault:
                codes.append(output.exit_code(fault))
                results.append({"file": str(path), "digest": digest, "error": output.failure(fault)})
                if isinstance(fault, Denied | Undecided):
                    break  # the next would fare no better
    if json:
        output.print_json({"artifacts": results})
    else:
        output.print_table(["file", "", "bytes", "digest"], map(_row, results))
    if codes:
        raise typer.Exit(max(codes))


@app.command("get")
def get(
    digest: Annotated[str, typer.Argument(help="sha256:<64 hex digits>.")],
    token: Token,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write it.")],
    server: Server = DEFAULT_SERVER,
    json: AsJson = False,
) -> None:
    """Fetch a file and check its digest; nothing is left at --out unless it is right."""
    wanted = parse_digest(digest)
    part = out.with_name(f".{out.name}.part")
    hashed, size = hashlib.sha256(), 0
    try:
        with Client(server, token) as client, part.open("wb") as file, output.waiting(f"fetching {wanted}", quiet=json):
            for chunk in client.stream(f"/v1/artifacts/{wanted}"):
                hashed.update(chunk)
                size += file.write(chunk)
        found = f"sha256:{hashed.hexdigest()}"
        if found != wanted:
            raise VerificationFailed(f"what came has the digest {found}", code="artifact_digest", value=found)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    if json:
        output.print_json({"digest": wanted, "size": size, "file": str(out)})
    else:
        output.say(f"{out}: {size} bytes, digest as asked")


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _row(result: dict[str, Any]) -> tuple[object, ...]:
    if "error" in result:
        error = result["error"]
        return (result["file"], "not taken", "", f"{error['code']}: {error['message']}")
    return (result["file"], "new" if result["created"] else "known", result["size"], result["digest"])
