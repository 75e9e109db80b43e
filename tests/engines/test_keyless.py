"""Keyless signing where there is no network: what is missing is said, with a code, and nothing is signed."""

import time
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest

from evidence_api.domain.errors import EvidenceError, Malformed, Undecided
from evidence_api.engines.keyless import sign_keyless
from tests.support import statements
from tests.support.sigstore_factory import Sigstore

PAYLOAD = statements.statement_bytes(statements.test_result())
NOWHERE = {
    "url": "http://127.0.0.1:9",
    "majorApiVersion": 1,
    "operator": "x",
    "validFor": {"start": "2020-01-01T00:00:00Z"},
}


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def trust_config(tmp_path: Path) -> Path:
    """A Sigstore whose services nobody runs."""
    signing = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [NOWHERE],
        "oidcUrls": [NOWHERE],
        "rekorTlogUrls": [NOWHERE],
        "tsaUrls": [NOWHERE],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    }
    path = tmp_path / "config.json"
    path.write_bytes(
        orjson.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
                "trustedRoot": orjson.loads(Sigstore().trusted_root()),
                "signingConfig": signing,
            }
        )
    )
    return path


def token(**changes: Any) -> str:  # noqa: ANN401  any claim
    now = int(time.time())
    claims = {"iss": "https://ci.example", "sub": "job", "aud": "sigstore", "iat": now, "exp": now + 600, **changes}
    return jwt.encode(claims, "a secret that is long enough for HS256", algorithm="HS256")


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
