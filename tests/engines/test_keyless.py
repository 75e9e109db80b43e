"""Keyless signing with services on loopback; where there are none, what is missing is said, with a code."""

import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from evidence_api.domain.errors import EvidenceError, Malformed, Undecided
from evidence_api.domain.verification import CertificateSigner, Verified
from evidence_api.engines.keyless import sign_keyless
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.formats.upload import BundleUpload, recognise
from tests.support import sigstore_service, statements
from tests.support.sigstore_authorities import IDENTITY, ISSUER
from tests.support.sigstore_factory import Sigstore

PAYLOAD = statements.statement_bytes(statements.test_result())


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def trust_config(tmp_path: Path) -> Path:
    """A Sigstore whose services nobody runs."""
    path = tmp_path / "config.json"
    path.write_bytes(sigstore_service.trust_config(Sigstore(), "http://127.0.0.1:9"))
    return path


def token(**changes: Any) -> str:  # noqa: ANN401  any claim
    now = int(time.time())
    claims = {"iss": "https://ci.example", "sub": "job", "aud": "sigstore", "iat": now, "exp": now + 600, **changes}
    return jwt.encode(claims, "a secret that is long enough for HS256", algorithm="HS256")


def test_a_statement_is_signed_and_its_bundle_verifies(tmp_path: Path) -> None:
    world = Sigstore()
    path = tmp_path / "config.json"
    with sigstore_service.serving(world) as url:
        path.write_bytes(sigstore_service.trust_config(world, url))
        body = sign_keyless(PAYLOAD, token=token(), trust_config=path)
    upload = recognise(body)
    assert isinstance(upload, BundleUpload)
    assert upload.envelope is not None
    assert upload.envelope.payload == PAYLOAD
    found = BundleVerifier(world.trusted_root()).verify(upload, identities=[IdentityRule(ISSUER, IDENTITY)])
    assert isinstance(found, Verified), found
    assert isinstance(found.signer, CertificateSigner)
    assert found.signer.identity == IDENTITY


def test_services_that_do_not_answer_leave_it_undecided(trust_config: Path) -> None:
    with pytest.raises(Undecided) as caught:
        sign_keyless(PAYLOAD, token=token(), trust_config=trust_config)
    assert caught.value.code == "sigstore_failed"


@pytest.mark.parametrize("given", ["", "a.b.c", token(aud="other"), token(exp=1, iat=0)])
def test_without_a_usable_token_nobody_is_asked(trust_config: Path, given: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        sign_keyless(PAYLOAD, token=given, trust_config=trust_config)
    assert caught.value.code == "no_identity"
    assert given not in caught.value.message or not given


@pytest.mark.parametrize("text", ["", "{}", '{"mediaType": "x"}', "[]"])
def test_a_trust_config_that_is_none_is_malformed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(Malformed) as caught:
        sign_keyless(PAYLOAD, token=token(), trust_config=path)
    assert caught.value.fields["path"] == str(path)
