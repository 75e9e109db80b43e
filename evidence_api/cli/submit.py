"""`evidence-api submit`: files go to the server, and what comes back is checked before it is believed.

The plan, for each file:
  1. its evidence id is computed here, so that the server cannot have recorded something else
  2. it is sent; a refusal is shown with the server's code
  3. the receipt's leaf names that id, and the inclusion proof leads from the leaf to the checkpoint's root
     (RFC 9162 section 2.1.3.2)
  4. with --log-key, the log's key signed that checkpoint (C2SP signed-note)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import output
from evidence_api.cli.client import Client
from evidence_api.domain.errors import Denied, EvidenceError, Undecided, VerificationFailed
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.merkle import leaf_hash, verify_inclusion
from evidence_api.formats.checkpoint import NoteVerifier, parse_checkpoint, parse_verifier
from evidence_api.formats.leaf import parse_leaf
from evidence_api.formats.receipt import receipt_from_json, verify_receipt
from evidence_api.formats.upload import identity, members, recognise

DEFAULT_SERVER = "http://127.0.0.1:8080"

Server = Annotated[str, typer.Option(envvar="EVIDENCE_SERVER", help="URL of the server.", show_envvar=True)]
Token = Annotated[str, typer.Option(envvar="EVIDENCE_TOKEN", help="API token; see `evidence-api token create`.")]


def submit(
    files: Annotated[list[Path], typer.Argument(help="DSSE envelopes or Sigstore bundles.", metavar="FILE...")],
    token: Token,
    server: Server = DEFAULT_SERVER,
    log_key: Annotated[
        str | None,
        typer.Option(envvar="EVIDENCE_LOG_VERIFIER", help="The log's verifier key: <name>+<key id>+<base64>."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the receipts as JSON.")] = False,
) -> None:
    """Send signed evidence and check each receipt's proof.

    Exit code 1 when a file was refused or a receipt does not prove what it says.
    """
    verifier = parse_verifier(log_key) if log_key else None
    bodies = [(path, path.read_bytes()) for path in files]
    results: list[Result] = []
    with Client(server, token) as client, output.waiting(f"sending {len(bodies)} to {server}", quiet=json):
        for path, body in bodies:
            results.extend(_send(client, path, body, verifier))
            if isinstance(results[-1].fault, Denied | Undecided):
                break  # the next would fare no better
    if json:
        output.print_json({"results": [result.to_json() for result in results]})
    else:
        _show(results, verifier)
    codes = [output.exit_code(result.fault) for result in results if result.fault]
    if codes:
        raise typer.Exit(max(codes))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one upload: the receipt as the server sent it, checked, or why not."""

    file: str
    receipt: Mapping[str, Any] = field(default_factory=dict)
    signed: bool = False  # the checkpoint's signature was checked too
    fault: EvidenceError | None = None

    def to_json(self) -> dict[str, Any]:
        """{"file", "receipt", "proved", "signed"} or {"file", "error"}."""
        if self.fault:
            return {"file": self.file, "error": output.failure(self.fault)}
        return {"file": self.file, "receipt": self.receipt, "proved": True, "signed": self.signed}


def _send(client: Client, path: Path, body: bytes, verifier: NoteVerifier | None) -> list[Result]:
    """One file's results: one for each attestation in it. The first fault ends the file."""
    results: list[Result] = []
    try:
        for member in members(body):
            evidence_id = identity(recognise(member))
            document = client.submit(member)
            check_receipt(document, evidence_id, verifier)
            results.append(Result(str(path), document, signed=verifier is not None))
    except EvidenceError as fault:
        results.append(Result(str(path), fault=fault))
    return results


def check_receipt(document: Mapping[str, Any], evidence_id: str, verifier: NoteVerifier | None) -> Receipt:
    """Check a receipt for what was sent. Raises Malformed, VerificationFailed, UnknownKey, BadSignature."""
    # 1. it is for what was sent
    if document.get("evidenceId") != evidence_id:
        raise VerificationFailed("the receipt is for other evidence", code="receipt", value=evidence_id)
    # 2. with the log's key, everything is checked against its signature
    if verifier is not None:
        return verify_receipt(document, verifier)
    # 3. without it, the leaf and the proof are checked against the root the checkpoint states
    receipt = receipt_from_json(document)
    checkpoint = parse_checkpoint(receipt.checkpoint)
    if checkpoint.size != receipt.tree_size:
        raise VerificationFailed("the checkpoint is of another tree size", code="checkpoint", value=checkpoint.size)
    if parse_leaf(receipt.leaf).evidence_id != evidence_id:
        raise VerificationFailed("the leaf is of other evidence", code="leaf", value=evidence_id)
    verify_inclusion(leaf_hash(receipt.leaf), receipt.leaf_index, receipt.tree_size, receipt.proof, checkpoint.root)
    return receipt


def _show(results: list[Result], verifier: NoteVerifier | None) -> None:
    rows = []
    for result in results:
        if result.fault:
            rows.append((result.file, "not taken", "", "", f"{result.fault.code}: {result.fault.message}"))
        else:
            receipt = result.receipt
            state = "new" if receipt.get("created") else "known"
            rows.append((result.file, state, receipt["leafIndex"], receipt["treeSize"], receipt["evidenceId"]))
    output.print_table(["file", "", "leaf", "tree", "evidence"], rows)
    if verifier is None and any(result.receipt for result in results):
        output.note("inclusion proved; the checkpoint's signature was not checked (give --log-key)")
