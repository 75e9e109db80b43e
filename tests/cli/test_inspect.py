"""`evidence-api inspect`: what it prints, and its exit codes."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from evidence_api.cli.inspect import app
from evidence_api.formats import dsse
from tests.support import decided
from tests.support.keys import fresh_keys
from tests.support.sigstore_authorities import IDENTITY, ISSUER
from tests.support.sigstore_entries import by_certificate, intoto_v1, sha256
from tests.support.sigstore_factory import ARTIFACT, ARTIFACT_DIGEST, STATEMENT, Document, Sigstore, missing_proof
from tests.support.statements import statement_bytes

WORLD = Sigstore()
BUNDLE = WORLD.of_statement()
KEY = fresh_keys()["ecdsa-p256"]
WHO = ("--identity", IDENTITY, "--issuer", ISSUER)
RUNNER = CliRunner()


def attestation(name: str = "widget-1.0.tar.gz") -> dict[str, Any]:
    statement = orjson.loads(STATEMENT)
    statement["subject"][0]["name"] = name
    bundle = WORLD.of_statement(orjson.dumps(statement))
    return {
        "version": 1,
        "verification_material": {
            "certificate": bundle["verificationMaterial"]["certificate"]["rawBytes"],
            "transparency_entries": bundle["verificationMaterial"]["tlogEntries"],
        },
        "envelope": {
            "statement": bundle["dsseEnvelope"]["payload"],
            "signature": bundle["dsseEnvelope"]["signatures"][0]["sig"],
        },
    }


@pytest.fixture
def root(tmp_path: Path) -> str:
    path = tmp_path / "trusted_root.json"
    path.write_bytes(WORLD.trusted_root())
    return str(path)


def run(tmp_path: Path, document: Any, *options: str) -> Result:  # noqa: ANN401  any JSON, or bytes
    path = tmp_path / "file.json"
    path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
    return RUNNER.invoke(app, [str(path), *options])


def asked(tmp_path: Path, document: Any, *options: str) -> tuple[int, dict[str, Any]]:  # noqa: ANN401  as run
    result = run(tmp_path, document, *options, "--json")
    return result.exit_code, orjson.loads(result.stdout)


def test_a_good_bundle_by_the_named_signer(tmp_path: Path, root: str) -> None:
    exit_code, shown = asked(tmp_path, BUNDLE, "--trusted-root", root, *WHO, "--artifact-digest", ARTIFACT_DIGEST)
    assert (exit_code, shown["status"], shown["identityChecked"]) == (0, "verified", True)
    assert shown["signer"]["identity"] == IDENTITY
    assert shown["signedAt"] == "2026-03-01T12:00:00Z"
    assert shown["subjects"] == [{"name": "widget", "digests": [ARTIFACT_DIGEST]}]


@pytest.mark.parametrize("option", [(), ("--any-identity",)])
def test_without_an_identity_the_result_says_it_was_not_checked(
    tmp_path: Path, root: str, option: tuple[str, ...]
) -> None:
    exit_code, shown = asked(tmp_path, BUNDLE, "--trusted-root", root, *option)
    assert (exit_code, shown["status"], shown["identityChecked"]) == (0, "verified", False)
    text = run(tmp_path, BUNDLE, "--trusted-root", root, *option).stdout
    assert "identity not checked" in text
    assert "VERIFIED" in text


@pytest.mark.parametrize(
    ("document", "options", "code"),
    [
        (BUNDLE, ("--identity", IDENTITY + "x", "--issuer", ISSUER), "untrusted_identity"),
        (BUNDLE, ("--artifact-digest", "sha256:" + "0" * 64), "subject_mismatch"),
        (missing_proof(WORLD), (), "inclusion_proof"),
        (b"{", (), "malformed"),
        (dict(BUNDLE["dsseEnvelope"], signatures=[]), (), "zero_signatures"),
        (BUNDLE["dsseEnvelope"], (), "unknown_key"),
    ],
)
def test_what_does_not_hold_exits_1_with_its_code(
    tmp_path: Path,
    root: str,
    document: object,
    options: tuple[str, ...],
    code: str,
) -> None:
    exit_code, shown = asked(tmp_path, document, "--trusted-root", root, *options)
    assert (exit_code, shown["status"], shown["code"]) == (1, "failed", code)
    assert "FAILED" in run(tmp_path, document, "--trusted-root", root, *options).stdout


def spelt_otherwise(entry: Document) -> None:
    entry["spec"]["content"]["hash"] = sha256(b"{ spelt otherwise }")


def test_unsigned_and_unsupported_exit_2(tmp_path: Path, root: str) -> None:
    exit_code, shown = asked(tmp_path, STATEMENT)
    assert (exit_code, shown["status"], shown["code"]) == (2, "unsigned", "unsigned")
    intoto = by_certificate(WORLD, intoto_v1, change=spelt_otherwise)
    exit_code, shown = asked(tmp_path, intoto, "--trusted-root", root)
    assert (exit_code, shown["status"]) == (2, "unsupported")


def test_an_envelope_with_its_key(tmp_path: Path) -> None:
    pem = tmp_path / "build.pem"
    pem.write_bytes(KEY.pem)
    body = dsse.encode_envelope(KEY.envelope(STATEMENT))
    exit_code, shown = asked(tmp_path, body, "--key", str(pem), "--artifact-digest", ARTIFACT_DIGEST)
    assert (exit_code, shown["status"], shown["identityChecked"]) == (0, "verified", True)
    assert shown["signer"]["name"] == "build.pem"
    exit_code, shown = asked(tmp_path, body, "--key", str(pem), "--artifact-digest", "sha256:" + "0" * 64)
    assert (exit_code, shown["code"]) == (1, "subject_mismatch")


def test_a_key_that_does_not_load_fails(tmp_path: Path, root: str) -> None:
    exit_code, shown = asked(tmp_path, BUNDLE, "--trusted-root", root, "--key", root)
    assert (exit_code, shown["status"], shown["code"]) == (1, "failed", "malformed")


def test_a_pep_740_attestation_is_about_a_named_file(tmp_path: Path, root: str) -> None:
    for name, expected in (("Widget-1.0.tar.gz", "verified"), ("other-1.0.tar.gz", "subject_name")):
        artifact = tmp_path / name
        artifact.write_bytes(ARTIFACT)
        shown = asked(tmp_path, attestation(), "--trusted-root", root, "--artifact", str(artifact))[1]
        assert shown["code"] == expected
    artifact.write_bytes(b"other")
    assert asked(tmp_path, attestation(), "--trusted-root", root, "--artifact", str(artifact))[1]["code"] == (
        "subject_mismatch"
    )


def test_a_container_is_as_good_as_its_worst_member(tmp_path: Path, root: str) -> None:
    broken = attestation()
    broken["verification_material"]["transparency_entries"][0].pop("inclusionProof")
    for listed, status in (([attestation(), attestation()], "verified"), ([attestation(), broken], "failed")):
        document = {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": listed}]}
        shown = asked(tmp_path, document, "--trusted-root", root)[1]
        assert shown["status"] == status
        assert len(shown["members"]) == 2


def test_trust_material_is_loaded_not_verified(tmp_path: Path) -> None:
    exit_code, shown = asked(tmp_path, WORLD.trusted_root())
    assert (exit_code, shown["status"]) == (0, "loaded")
    exit_code, shown = asked(tmp_path, orjson.loads(WORLD.trusted_root()) | {"tlogs": []})
    assert (exit_code, shown["status"]) == (1, "failed")


def test_a_signed_statement_with_a_broken_predicate_is_verified_and_says_so(tmp_path: Path, root: str) -> None:
    statement = orjson.loads(STATEMENT) | {"predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}
    exit_code, shown = asked(tmp_path, WORLD.of_statement(orjson.dumps(statement)), "--trusted-root", root)
    assert (exit_code, shown["status"], shown["kind"]) == (0, "verified", "statement")
    assert shown["unread"]


def test_a_decision_is_computed_again_offline(tmp_path: Path) -> None:
    pem = tmp_path / "build.pem"
    pem.write_bytes(KEY.pem)

    def of(document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body = dsse.encode_envelope(KEY.envelope(statement_bytes(document)))
        exit_code, shown = asked(tmp_path, body, "--key", str(pem))
        decision: dict[str, Any] = shown["decision"]
        assert decision["reperformance"]["sentence"] in " ".join(run(tmp_path, body, "--key", str(pem)).stdout.split())
        return exit_code, decision

    exit_code, wrong = of(decided.rollout(2900, action="promote"))
    assert exit_code == 0  # who signed it signed it
    assert wrong["reperformance"]["status"] == "DISAGREES"
    assert wrong["reperformance"]["differences"] == [{"path": "action", "claimed": "promote", "recomputed": "rollback"}]
    right = of(decided.drift())[1]
    assert (right["kind"], right["reperformance"]["status"]) == ("drift-watch", "AGREES")
    assert of(decided.trust())[1]["reperformance"]["sentence"].startswith("Only a server can tell")
    assert "decision" not in asked(tmp_path, STATEMENT)[1]


@pytest.mark.parametrize(
    "options", [("--identity", IDENTITY), ("--issuer", ISSUER), ("--any-identity", *WHO), ("--artifact-digest", "x")]
)
def test_half_a_question_is_wrong_usage(tmp_path: Path, root: str, options: tuple[str, ...]) -> None:
    result = run(tmp_path, BUNDLE, "--trusted-root", root, *options)
    assert result.exit_code in {1, 2}
    assert result.stdout == ""


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, [str(tmp_path / "absent"), "--json"])
    assert result.exit_code == 2
    assert orjson.loads(result.stderr)["error"]["code"] == "unreadable_file"


def test_help_says_the_exit_codes() -> None:
    text = RUNNER.invoke(app, ["--help"]).stdout
    assert "Exit code 0: verified" in text
