"""Trust rules from the command line, over a real database; and the exchange, without any server package."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from evidence_api.cli import main, output
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from tests.support import statements

Answer = Callable[..., Any]

RULES = """\
rules:
  - name: release
    issuer: https://issuer.example
    repository_id: 123
    ref: refs/tags/*
  - name: nightly
    key: {key}
    predicate_types: [https://cyclonedx.org/*]
"""


def key_of(run: Answer, folder: Path, tenant: str) -> EnvelopeSigner:
    """A new tenant's registered key."""
    run("tenant", "create", tenant)
    signer, pem = EnvelopeSigner.generate(), folder / "key.pem"
    pem.write_text(signer.public_key.pem)
    run("tenant", "key", "add", str(pem), "--tenant", tenant, "--name", "nightly")
    return signer


def changes(answer: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["change"] for one in answer["changes"]}


def test_rules_are_added_shown_and_removed(run: Answer) -> None:
    run("tenant", "create", "rules")
    here = ["--tenant", "rules"]
    claims = ["--claim", "job_project_id=7", "--claim", "ref=refs/tags/*"]
    made = run("trust", "add", "release", "--issuer", "https://issuer.example", *claims, "--allow", "fork", *here)
    assert (made["claims"], made["allow"]) == ({"ref": "refs/tags/*", "repository_id": "7"}, ["fork"])
    assert run("trust", "add", "release", "--issuer", "https://i", "--identity", "me", *here) == (output.NO, "conflict")
    assert run("trust", "add", "all", "--issuer", "https://i", *here) == (output.NO, "malformed")
    assert run("trust", "add", "x", "--issuer", "https://i", "--claim", "project_id=7", *here) == (
        output.NO,
        "malformed",
    )
    assert run("trust", "add", "key", "--key", "sha256:00", *here) == (output.NO, "not_found")
    (shown,) = run("trust", "show", "release", *here)["rules"]
    assert shown == made
    assert run("trust", "remove", made["id"], *here)["changes"][0]["change"] == "remove"
    assert run("trust", "remove", "release", *here) == (output.NO, "not_found")
    assert run("trust", "list", *here)["rules"] == []
    assert len(run("trust", "list", "--ended", *here)["rules"]) == 1


def test_what_tenant_identity_made_is_a_rule(run: Answer) -> None:
    run("tenant", "create", "older")
    identity = ["--issuer", "https://issuer.example", "--identity", "a@example.org", "--tenant", "older"]
    (added,) = run("tenant", "identity", "add", *identity)["identities"]
    (rule,) = run("trust", "list", "--tenant", "older")["rules"]
    assert (rule["id"], rule["label"], rule["identity"]) == (added["id"], "a@example.org", "a@example.org")
    run("trust", "remove", "a@example.org", "--tenant", "older")
    (ended,) = run("tenant", "identity", "list", "--tenant", "older")["identities"]
    assert ended["revoked"] is not None


def test_a_file_is_applied_and_written_again(run: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signer, file = key_of(run, tmp_path, "files"), tmp_path / "rules.yaml"
    file.write_text(RULES.format(key=signer.public_key.key_id))
    apply = ["trust", "apply", str(file), "--tenant", "files"]
    dry = run(*apply, "--dry-run")
    assert (dry["applied"], changes(dry)) == (False, {"release": "add", "nightly": "add"})
    assert "was trusted for everything" in dry["changes"][1]["note"]
    assert run("trust", "list", "--tenant", "files")["rules"] == []
    assert changes(run(*apply)) == {"release": "add", "nightly": "add"}
    assert changes(run(*apply)) == {"release": "keep", "nightly": "keep"}
    assert main.main(["trust", "show", "--tenant", "files"]) == output.OK
    file.write_text(capsys.readouterr().out)
    assert changes(run(*apply)) == {"release": "keep", "nightly": "keep"}
    file.write_text("rules:\n  - {name: release, issuer: https://issuer.example, repository_id: 124}\n")
    answer = run(*apply)
    assert changes(answer) == {"release": "change", "nightly": "remove"}
    assert answer["changes"][0]["differs"] == ["claims: ref=refs/tags/*, repository_id=123 -> repository_id=124"]
    assert "it is trusted for everything" in answer["changes"][1]["note"]
    file.write_text("rules:\n  - {name: x, issuer: y, repositry_id: 1}\n")
    assert run(*apply) == (output.NO, "invalid_source")
    file.write_text(RULES.format(key="sha256:00"))
    assert run(*apply) == (output.NO, "not_found")
    assert [one["name"] for one in run("trust", "list", "--tenant", "files")["rules"]] == ["release"]


def test_explain_says_which_rule_or_why_none(run: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signer, file = key_of(run, tmp_path, "asking"), tmp_path / "evidence.json"
    here = ["--tenant", "asking"]
    file.write_bytes(encode_envelope(signer.sign(IN_TOTO, statements.statement_bytes(statements.test_result()))))
    told = run("trust", "explain", str(file), *here)
    assert (told["allow"], told["signer"], told["rules"]) == (True, "key nightly", [])
    run("trust", "add", "bound", "--key", signer.public_key.key_id, "--predicate-type", "https://slsa.dev/*", *here)
    assert main.main(["trust", "explain", str(file), *here, "--json"]) == output.NO
    told = orjson.loads(capsys.readouterr().out)
    assert (told["allow"], told["rules"]) == (False, ["admission.outside_rule"])
    assert told["reasons"][0].startswith("rule 'bound' names the signer, but not for this: predicate_type: expected")
    assert main.main(["trust", "explain", str(file), *here]) == output.NO
    assert "allow: no" in capsys.readouterr().out
    file.write_text("{}")
    assert run("trust", "explain", str(file), *here)[0] == output.NO


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Every request of the client is kept, and answered as the server would."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, json={"token": "evs_upload_x", "tenant": "acme", "expiresAt": "", "rules": []})

    whole = httpx.Client

    def with_transport(*args: Any, **options: Any) -> httpx.Client:  # noqa: ANN401  httpx's own
        return whole(*args, **options, transport=httpx.MockTransport(answer))

    monkeypatch.setattr(httpx, "Client", with_transport)
    return asked


def test_a_job_exchanges_the_token_of_its_variable(
    answering: list[httpx.Request], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVIDENCE_ID_TOKEN", "jwt\n")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert main.main(["token", "exchange", "--tenant", "acme", "--server", "https://evidence.example"]) == output.OK
    assert capsys.readouterr().out == "evs_upload_x\n"
    (asked,) = answering
    assert str(asked.url) == "https://evidence.example/v1/token-exchange"
    assert orjson.loads(asked.content) == {"token": "jwt", "tenant": "acme"}
    assert "authorization" not in asked.headers


def test_the_token_goes_to_a_file_of_ones_own(
    answering: list[httpx.Request],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    source, out = tmp_path / "jwt", tmp_path / "token"
    source.write_text("jwt")
    out.write_text("old")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    command = ["token", "exchange", "--tenant", "acme", "--from", f"file:{source}", "--out", str(out), "--json"]
    assert main.main(command) == output.OK
    shown = capsys.readouterr()
    assert "evs_upload_x" not in shown.out
    assert "::add-mask::evs_upload_x" in shown.err
    assert (out.read_text(), out.stat().st_mode & 0o777, len(answering)) == ("evs_upload_x", 0o600, 1)


def test_no_token_to_exchange(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("EVIDENCE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    assert main.main(["token", "exchange", "--tenant", "acme", "--json"]) == output.USAGE
    assert orjson.loads(capsys.readouterr().err)["error"]["code"] == "no_identity"


def test_the_exchange_needs_no_package_of_the_server() -> None:
    code = (
        "import sys\n"
        "for name in ('asyncpg', 'starlette', 'jwt', 'sqlmodel', 'strawberry', 'uvicorn'): sys.modules[name] = None\n"
        "from evidence_api.cli.main import main\n"
        "raise SystemExit(main(['token', 'exchange', '--help']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--from" in done.stdout
