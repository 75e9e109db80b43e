"""Command line: verify one file offline and show what it says, who signed it, and which checks were done.

Exit codes: 0 every check held, 1 one did not (or the file is malformed), 2 nobody signed it, or it is of a type
this program cannot check. Nothing is sent anywhere, and nothing is written.
"""

from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import output
from evidence_api.cli.decision_lines import decision_lines
from evidence_api.cli.decision_offline import decision_json
from evidence_api.domain.decisions.reading import DECISION_KINDS
from evidence_api.domain.digest import parse_digest
from evidence_api.domain.errors import EvidenceError, Refused
from evidence_api.domain.evidence import Checked
from evidence_api.domain.verification import (
    CertificateSigner,
    Failed,
    KeySigner,
    Signer,
    Unsigned,
    Unsupported,
    Verification,
    Verified,
)
from evidence_api.engines import trust_material
from evidence_api.engines.keys import load_public_key
from evidence_api.engines.sigstore import AnyIdentity, BundleVerifier, Identities, IdentityRule
from evidence_api.formats import distribution, predicates, strict_json
from evidence_api.formats import upload as uploads
from evidence_api.formats.documents import xml_root
from evidence_api.formats.stored import stored_decision
from evidence_api.formats.upload import AttestationUpload
from evidence_api.use_cases.check import Trust, read_checked, verify

app = typer.Typer(add_completion=False)

_UNCHECKED = "identity not checked: give --identity and --issuer to say who must have signed"
_EXIT = {"verified": output.OK, "loaded": output.OK, "failed": output.NO}
_WORST = ("failed", "unsigned", "unsupported", "verified")  # a container is as good as its worst member


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks of each signed document in the file."""

    trust: Trust
    identities: Identities
    digest: str | None  # sha256:<hex> of the artifact
    artifact_name: str  # its file name, "" when only a digest is given

    @property
    def anybody(self) -> bool:
        return isinstance(self.identities, AnyIdentity)


@app.command("inspect")
def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            help="Envelope, bundle, attestation, statement, raw document, container of them, trust material."
        ),
    ],
    *,
    artifact: Annotated[Path | None, typer.Option(help="The file it must be about.")] = None,
    artifact_digest: Annotated[str, typer.Option(help="Its digest instead: sha256:HEX.")] = "",
    trusted_root: Annotated[Path | None, typer.Option(help="Sigstore trusted root (JSON); bundles need one.")] = None,
    identity: Annotated[str, typer.Option(help="Who must have signed: the certificate's e-mail address or URI.")] = "",
    issuer: Annotated[str, typer.Option(help="Which OIDC issuer must have vouched for that identity.")] = "",
    any_identity: Annotated[bool, typer.Option("--any-identity", help="Check everything but who signed.")] = False,
    key: Annotated[list[Path] | None, typer.Option(help="Public key (PEM) to verify with; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Verify one file offline and show it.

    Exit code 0: verified. 1: failed or malformed. 2: unsigned, or of a type that cannot be checked.
    Without --identity and --issuer everything but the signer's identity is checked, and the result says so.
    """
    with output.edge(as_json=as_json):
        identities = _identities(identity, issuer, any_identity=any_identity)
        body = file.read_bytes()
        digest = _digest(artifact, artifact_digest)
        try:
            trust = Trust(
                keys=tuple(load_public_key(path.read_bytes(), path.name) for path in key or ()),
                verifier=BundleVerifier(trusted_root.read_bytes()) if trusted_root else None,
            )
            result = _inspect(body, _Asked(trust, identities, digest, artifact.name if artifact else ""))
        except Refused as fault:
            result = {"status": "failed", "code": fault.code, "message": fault.message, "fields": fault.fields}
        if as_json:
            output.print_json(result)
        else:
            _show(result)
        raise typer.Exit(_EXIT.get(result["status"], output.USAGE))


def _identities(identity: str, issuer: str, *, any_identity: bool) -> Identities:
    """The rule the options make. Raises EvidenceError usage: half a rule would trust more than was meant."""
    if any_identity and (identity or issuer):
        raise EvidenceError("--any-identity goes without --identity and --issuer", code="usage")
    if bool(identity) != bool(issuer):
        raise EvidenceError("--identity and --issuer are given together", code="usage")
    return (IdentityRule(issuer, identity),) if identity else AnyIdentity()


def _digest(artifact: Path | None, digest: str) -> str | None:
    if artifact is None:
        return parse_digest(digest) if digest else None
    with artifact.open("rb") as stream:
        found = f"sha256:{file_digest(stream, 'sha256').hexdigest()}"
    if digest and digest != found:
        raise EvidenceError(f"--artifact is {found}, --artifact-digest {digest}", code="usage")
    return found


def _inspect(body: bytes, asked: _Asked) -> dict[str, Any]:
    """The result for a file: its only document, or a container's documents under `members`. Raises Refused."""
    members = uploads.members(body)
    kind = _trust_material(body) if len(members) == 1 else None
    if kind:
        trust_material.load(kind, body)
        return {"status": "loaded", "code": "loaded", "message": f"a {kind} that loads; it carries no signature"}
    results = [_result(member, asked) for member in members]
    if len(results) == 1:
        return results[0]
    worst = min(results, key=lambda result: _WORST.index(result["status"]))
    return {name: worst[name] for name in ("status", "code", "message")} | {"members": results}


def _trust_material(body: bytes) -> str | None:
    """Which trust material the file is, if it is one. Raises Malformed, TooLarge."""
    return None if xml_root(body) is not None else trust_material.kind_of(strict_json.load_object(body))


def _result(body: bytes, asked: _Asked) -> dict[str, Any]:
    """Parse, verify and read one document. Raises Refused for what cannot be parsed."""
    upload = uploads.recognise(body)
    verification = verify(upload, asked.trust, identities=asked.identities, artifact_digest=asked.digest)
    unread = ""
    try:
        checked = read_checked(body, upload, verification)
    except Refused as fault:
        # A predicate of a known type that is not well-formed takes nothing from the signature, and the reader
        # asked about both: the statement is shown, and what is wrong with its predicate. The server refuses it.
        checked = read_checked(body, upload, verification, reader=predicates.unread)
        unread = fault.message
    checked = replace(checked, verification=_about_artifact(checked, upload, asked))
    return _shape(checked, asked) | ({"unread": unread} if unread else _decision(body, checked))


def _decision(body: bytes, checked: Checked) -> dict[str, Any]:
    """What a decision comes to when it is computed again. It says nothing of the signature, nor of the exit code."""
    read = stored_decision(body) if checked.kind in DECISION_KINDS else None
    return {} if read is None else {"decision": decision_json(read[0])}


def _about_artifact(checked: Checked, upload: uploads.Upload, asked: _Asked) -> Verification:
    """The artifact is what the document is about: its digest and, for PEP 740, its name ("Attestation
    objects": the subject's name is the distribution's file name, in normal form)."""
    if not isinstance(checked.verification, Verified) or asked.digest is None:
        return checked.verification
    subjects = [subject for subject in checked.subjects if asked.digest in subject.digests]
    if not subjects:
        return Failed("subject_mismatch", f"{asked.digest} is not a subject of the statement")
    if asked.artifact_name and isinstance(upload, AttestationUpload):
        wanted = distribution.normal_name(asked.artifact_name)
        if not any(distribution.normal_name(subject.name) == wanted for subject in subjects):
            return Failed("subject_name", f"the attestation is about {subjects[0].name!r}, not {asked.artifact_name!r}")
    return checked.verification


def _shape(checked: Checked, asked: _Asked) -> dict[str, Any]:
    verification = checked.verification
    status, code, message = _verdict(verification)
    shape: dict[str, Any] = {
        "status": status,
        "code": code,
        "message": message,
        "evidence": checked.id,
        "mediaType": checked.media_type,
        "kind": checked.normalised.kind,
        "predicateType": checked.predicate_type,
        "subjects": [{"name": one.name, "digests": list(one.digests)} for one in checked.subjects],
    }
    if isinstance(verification, Verified):
        by_certificate = isinstance(verification.signer, CertificateSigner)
        shape |= {
            "signer": _signer(verification.signer),
            "signedAt": verification.signed_at and verification.signed_at.isoformat().replace("+00:00", "Z"),
            "trustRoot": verification.trust_root,
            "checks": list(verification.checks),
            "identityChecked": not (by_certificate and asked.anybody),
        }
        if by_certificate and asked.anybody:
            shape["message"] = f"verified ({_UNCHECKED})"
    return shape


def _verdict(verification: Verification) -> tuple[str, str, str]:
    """(status, code, sentence)."""
    match verification:
        case Verified():
            return verification.status, verification.status, f"verified, signed by {verification.signer.label}"
        case Unsupported():
            return verification.status, verification.code, f"cannot be checked: {verification.what}"
        case Failed():
            return verification.status, verification.code, verification.message
        case Unsigned():
            return verification.status, verification.code, "there is no signature to check"


def _signer(signer: Signer) -> dict[str, Any]:
    match signer:
        case KeySigner():
            return {"keyId": signer.key_id, "algorithm": signer.algorithm, "name": signer.name}
        case CertificateSigner():
            return {
                "identity": signer.identity,
                "issuer": signer.issuer,
                "certificate": signer.certificate,
                "claims": dict(signer.claims),
            }


def _show(result: dict[str, Any]) -> None:
    for member in result.get("members", [result]):
        output.print_table(("", ""), _rows(member))
    if "members" in result:
        output.say(f"all together: {result['status']} ({result['code']})")


def _rows(result: dict[str, Any]) -> list[tuple[str, object]]:
    """The table people read: nothing is said of what was not found out."""
    rows: list[tuple[str, object]] = [("status", result["status"].upper()), ("code", result["code"])]
    rows.append(("", result["message"]))
    signer = dict(result.get("signer", {}))
    claims = signer.pop("claims", {})
    rows += [(f"signer {name}", value) for name, value in signer.items()]
    rows += [(f"claim {name}", value) for name, value in claims.items()]
    for label, name in (
        ("signed at", "signedAt"),
        ("kind", "kind"),
        ("predicate", "predicateType"),
        ("unread", "unread"),
    ):
        rows.append((label, result.get(name)))
    for subject in result.get("subjects", ())[:20]:
        rows.append(("subject", f"{subject['name']} {' '.join(subject['digests'])}".strip()))
    if "decision" in result:
        rows += decision_lines(result["decision"])
    rows += [("checks", ", ".join(result.get("checks", ()))), ("trust root", result.get("trustRoot"))]
    rows.append(("evidence", result.get("evidence")))
    return [(label, value) for label, value in rows if value]
