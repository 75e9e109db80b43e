"""Attesting: a document becomes a statement that says what it said, signed by whom the command line names."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner, Signature  # type: ignore[attr-defined]  # not in an __all__

from evidence_api.cli import main, output
from evidence_api.domain.verification import Unsigned, Verified
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.use_cases.check import Trust, check_evidence

JUNIT = (
    '<testsuites><testsuite name="s" tests="1"><testcase name="n" classname="c" time="0.1"/></testsuite></testsuites>'
)
SARIF = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "lint", "version": "1.50"}}, "results": []}]}
BOM = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": []}
Attest = Callable[..., int]


@pytest.fixture
def signer() -> EnvelopeSigner:
    return EnvelopeSigner.generate("ed25519")


@pytest.fixture
def attest(tmp_path: Path, signer: EnvelopeSigner, monkeypatch: pytest.MonkeyPatch) -> Attest:
    """Run `attest` in a folder with documents, an artifact and the signer's key."""
    monkeypatch.chdir(tmp_path)
    for name in ("SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "EVIDENCE_TOKEN", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    documents = {"junit.xml": JUNIT, "scan.sarif": json.dumps(SARIF), "sbom.json": json.dumps(BOM), "app.tar": "app"}
    for name, text in documents.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "key.pem").write_bytes(signer.to_pem())
    (tmp_path / "key.pub.pem").write_text(signer.public_key.pem)
    return lambda *words: main.main(["attest", *words])


@pytest.mark.parametrize(
    ("file", "kind", "predicate_type"),
    [
        ("junit.xml", "test_result", "urn:evidence-api:document:v1"),
        ("scan.sarif", "static_analysis", "urn:evidence-api:sarif:v2.1.0"),
        ("sbom.json", "sbom", "https://cyclonedx.org/bom"),
    ],
)
def test_a_document_is_told_by_its_shape_and_signed_by_a_key(  # noqa: PLR0913, PLR0917  fixtures
    attest: Attest, signer: EnvelopeSigner, tmp_path: Path, file: str, kind: str, predicate_type: str
) -> None:
    assert attest(file, "--subject", "app.tar", "--key", "key.pem", "--out", "out.json") == output.OK
    checked = check_evidence((tmp_path / "out.json").read_bytes(), Trust(keys=(signer.public_key,)))
    assert isinstance(checked.verification, Verified)
    assert (checked.normalised.kind, checked.predicate_type) == (kind, predicate_type)
    (subject,) = checked.subjects
    assert subject.name == "app.tar"
    assert subject.digests == (f"sha256:{hashlib.sha256(b'app').hexdigest()}",)


def test_the_document_s_bytes_are_inside_as_they_were(attest: Attest, tmp_path: Path) -> None:
    written = '{"version": "2.1.0",\n "runs": [{"tool": {"driver": {"name": "x"}}, "results": [], "rank": 1.50}]}'
    (tmp_path / "scan.sarif").write_text(written)
    assert attest("scan.sarif", "--subject", "app.tar", "--key", "key.pem", "--out", "out.json") == output.OK
    payload = base64.b64decode(json.loads((tmp_path / "out.json").read_text())["payload"])
    assert written.encode() in payload


def test_unsigned_is_a_statement_alone(attest: Attest, capsys: pytest.CaptureFixture[str]) -> None:
    assert attest("junit.xml", "--subject", "app.tar", "--unsigned") == output.OK
    checked = check_evidence(capsys.readouterr().out.encode(), Trust())
    assert isinstance(checked.verification, Unsigned)


@pytest.mark.parametrize("subject", ["sha256:" + "ab" * 32, "app@1=sha256:" + "ab" * 32, "gitCommit:" + "c0" * 20])
def test_subjects_by_their_digest(attest: Attest, capsys: pytest.CaptureFixture[str], subject: str) -> None:
    assert attest("sbom.json", "--type", "sbom", "--subject", subject, "--key", "key.pem", "--json") == output.OK
    told = json.loads(capsys.readouterr().out)
    name, _, digest = subject.rpartition("=")
    assert told["subjects"][0]["name"] == name
    assert told["subjects"][0]["digests"] == [digest.replace("gitCommit", "sha1")]
    assert told["type"] == "cyclonedx"


def test_a_predicate_and_a_statement_can_be_signed_too(
    attest: Attest, signer: EnvelopeSigner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "release.json").write_text('{"name": "app", "version": "1.0"}\n')
    release = ("--predicate-type", "urn:evidence-api:release:v1", "--subject", "app.tar")
    assert attest("release.json", *release, "--unsigned", "--out", "statement.json") == output.OK
    assert attest("statement.json", "--key", "key.pem", "--out", "out.json") == output.OK
    checked = check_evidence((tmp_path / "out.json").read_bytes(), Trust(keys=(signer.public_key,)))
    assert checked.normalised.facts["name"] == "app"
    capsys.readouterr()
    assert attest("out.json", "--key", "key.pem") == output.USAGE
    assert "signed already" in capsys.readouterr().err


def test_a_key_in_a_variable(attest: Attest, signer: EnvelopeSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", signer.to_pem().decode())
    assert attest("junit.xml", "--subject", "app.tar", "--key", "env:SIGNING_KEY", "--out", "out.json") == output.OK
    assert attest("junit.xml", "--subject", "app.tar", "--key", "env:NO_SUCH", "--out", "out.json") == output.USAGE


def test_a_key_by_its_uri_signs(attest: Attest, signer: EnvelopeSigner, tmp_path: Path) -> None:
    common = ("junit.xml", "--subject", "app.tar", "--kms", "file2:key.pem", "--out", "out.json")
    assert attest(*common, "--public-key", "key.pub.pem") == output.OK
    checked = check_evidence((tmp_path / "out.json").read_bytes(), Trust(keys=(signer.public_key,)))
    assert isinstance(checked.verification, Verified)


def test_a_signature_that_the_public_key_does_not_bear_out_goes_nowhere(
    attest: Attest, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CryptoSigner, "sign", lambda *_: Signature("", "00" * 64))
    words = ("junit.xml", "--subject", "app.tar", "--out", "out.json", "--key", "key.pem")
    assert attest(*words) == output.NO
    assert "error[bad_signature]" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        ((), output.USAGE, "usage"),
        (("--key", "key.pem", "--keyless"), output.USAGE, "usage"),
        (("--key", "absent.pem"), output.USAGE, "unreadable_file"),
        (("--key", "key.pub.pem"), output.NO, "malformed"),
        (("--keyless",), output.USAGE, "no_identity"),
        (("--keyless", "--identity-token", "x.y.z"), output.USAGE, "no_identity"),
        (("--kms", "floppy:a"), output.NO, "malformed"),
        (("--kms", "file2:key.pem"), output.NO, "malformed"),
        (("--kms", "file2:absent.pem", "--public-key", "key.pub.pem"), output.USAGE, "unreadable_file"),
        (("--kms", "file2:key.pem", "--public-key", "key.pem"), output.NO, "malformed"),
        (("--unsigned", "--type", "sbom"), output.NO, "malformed"),
        (("--unsigned", "--type", "novel"), output.NO, "malformed"),
        (("--unsigned", "--type", "sarif"), output.NO, "malformed"),
        (("--unsigned", "--subject", "neither"), output.USAGE, "usage"),
        (("--unsigned", "--subject", "sha256:12"), output.NO, "malformed"),
        (("--unsigned", "--submit"), output.USAGE, "usage"),
        (("--unsigned", "--submit", "--token-from-exchange", "env:ABSENT"), output.USAGE, "usage"),
        (
            ("--unsigned", "--submit", "--token-from-exchange", "env:ABSENT", "--tenant", "a"),
            output.USAGE,
            "no_identity",
        ),
        (("--unsigned", "--submit", "--token-from-exchange", "github", "--tenant", "a"), output.USAGE, "no_identity"),
        (("--unsigned", "--submit", "--token-from-exchange", "moon", "--tenant", "a"), output.USAGE, "usage"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_code(
    attest: Attest, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], exit_code: int, code: str
) -> None:
    assert attest("junit.xml", "--subject", "app.tar", *words, "--json") == exit_code
    shown = capsys.readouterr()
    assert json.loads(shown.err)["error"]["code"] == code
    assert shown.out == ""


@pytest.mark.parametrize("uri", ["gcpkms:projects/p", "awskms:alias/a", "azurekms://v/keys/k/1", "hv:k/1", "hsm:2"])
def test_a_service_without_its_library_says_what_to_install(
    attest: Attest, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    absent = {"_gcp_signer": "GCP", "_aws_signer": "AWS", "_azure_signer": "AZURE", "_vault_signer": "VAULT"}
    for module, name in {**absent, "_hsm_signer": "PKCS11"}.items():
        monkeypatch.setattr(f"securesystemslib.signer.{module}.{name}_IMPORT_ERROR", "it is not installed")
    (tmp_path / "p256.pem").write_text(EnvelopeSigner.generate("ecdsa-p256").public_key.pem)
    words = ("junit.xml", "--subject", "app.tar", "--kms", uri, "--public-key", "p256.pem", "--json")
    assert attest(*words) == output.USAGE
    error: dict[str, Any] = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "extra_missing"
    assert error["fields"]["install"].startswith("pip install '")


def test_a_document_that_does_not_say_what_it_is_about_needs_a_subject(
    attest: Attest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attest("junit.xml", "--unsigned") == output.USAGE
    assert "--subject" in capsys.readouterr().err
