"""Sigstore's own suites, each case through `evidence-api inspect`: accepted, refused, never the other way round."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.conformance import cases, suite
from tests.support.inspection import Table, inspect

# The defaults of the sigstore-conformance suite (its README).
IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"

Asked = Callable[[dict[str, Any]], tuple[Path, tuple[str, ...]]]


def root_of(note: str) -> str:
    name = "staging" if "staging" in note else "production"
    return str(suite("sigstore-conformance") / f"trusted_root.{name}.json")


def conformance(case: dict[str, Any]) -> tuple[Path, tuple[str, ...]]:
    folder = (suite("sigstore-conformance") / case["files"][0]).parent

    def own(name: str, default: Path) -> Path:
        return folder / name if (folder / name).exists() else default

    shared = suite("sigstore-conformance")
    root = own("trusted_root.json", shared / "trusted_root.production.json")
    artifact = own("artifact", shared / "bundle-verify" / "a.txt")
    options = ["--trusted-root", str(root), "--artifact", str(artifact)]
    if (folder / "key.pub").exists():
        options += ["--key", str(folder / "key.pub")]
    else:
        identity = own("identity", Path())
        issuer = own("issuer", Path())
        options += ["--identity", identity.read_text().strip() if identity.is_file() else IDENTITY]
        options += ["--issuer", issuer.read_text().strip() if issuer.is_file() else ISSUER]
    return folder / "bundle.sigstore.json", tuple(options)


def by_digest(name: str) -> Asked:
    def asked(case: dict[str, Any]) -> tuple[Path, tuple[str, ...]]:
        digest = case.get("artifact_sha256") or case.get("distribution_sha256")
        options = ("--artifact-digest", f"sha256:{digest}") if digest else ()
        return suite(name) / case["files"][0], ("--trusted-root", root_of(case.get("note", "")), *options)

    return asked


def managed(file: Path) -> bool:
    """Whether the bundle was made with a key, so that no other signer can be asked for."""
    try:
        return "publicKey" in orjson.loads(file.read_bytes())["verificationMaterial"]
    except (orjson.JSONDecodeError, KeyError):
        return False


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("sigstore-conformance", conformance),
        ("sigstore-python", by_digest("sigstore-python")),
        ("sigstore-js", by_digest("sigstore-js")),
        ("pypi-attestations", by_digest("pypi-attestations")),
    ],
)
def test_every_shared_case_is_decided_as_expected(name: str, asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(name)
    for case in cases(name):
        file, options = asked(case)
        table.add(case["case"], case["expect"], inspect(file, *options))
    with capsys.disabled():
        table.show(print)
    assert not table.wrong
    assert table.right


def no_other_spelling_helps(file: Path, options: tuple[str, ...], tmp_path: Path) -> None:
    """An accepted bundle, re-indented, says the same; with another artifact or signer it fails."""
    spelt = tmp_path / "spelt.json"
    spelt.write_bytes(orjson.dumps(orjson.loads(file.read_bytes()), option=orjson.OPT_INDENT_2))
    assert inspect(spelt, *options)["status"] == "verified"
    other = ("--artifact-digest", "sha256:" + hashlib.sha256(b"another artifact").hexdigest())
    root = options[options.index("--trusted-root") :][:2]
    assert inspect(file, *root, *other)["code"] in {"subject_mismatch", "message_digest"}
    stranger = ("--identity", "nobody@example.com", "--issuer", ISSUER)
    assert inspect(file, *root, *stranger)["code"] == "untrusted_identity"


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("sigstore-conformance", conformance),
        ("sigstore-js", by_digest("sigstore-js")),
        ("pypi-attestations", by_digest("pypi-attestations")),
    ],
)
def test_what_is_accepted_is_accepted_for_its_artifact_and_signer_alone(
    name: str, asked: Asked, tmp_path: Path
) -> None:
    seen = 0
    for case in cases(name):
        file, options = asked(case)
        if case["expect"] == "accept" and not managed(file):
            no_other_spelling_helps(file, options, tmp_path)
            seen += 1
    assert seen


@pytest.mark.conformance
def test_a_pypi_attestation_is_for_a_file_of_its_name(tmp_path: Path) -> None:
    """The files are not here, so an empty one of the right name must fail by digest, before its name is asked."""
    for case in cases("pypi-attestations"):
        artifact = tmp_path / case["distribution"]
        artifact.write_bytes(b"")
        file, options = by_digest("pypi-attestations")({**case, "distribution_sha256": None})
        assert inspect(file, *options, "--artifact", str(artifact))["code"] == "subject_mismatch"
