"""What operators do, through the command line and a real database: tenants, keys, identities, tokens."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.cli import main, output
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.checkpoint import parse_verifier

Answer = Callable[..., Any]


def test_a_tenant_has_a_log_that_can_be_checked(run: Answer) -> None:
    made = run("tenant", "create", "first")
    assert parse_verifier(made["logVerifier"]).name == "evidence.local/first"
    assert run("tenant", "create", "first") == (output.NO, "conflict")
    assert run("tenant", "create", "No Name") == (output.NO, "malformed")
    listed = {tenant["name"]: tenant["logVerifier"] for tenant in run("tenant", "list")["tenants"]}
    assert listed["first"] == made["logVerifier"]


def test_keys_come_and_go(run: Answer, tmp_path: Path) -> None:
    run("tenant", "create", "keys")
    signer, pem = EnvelopeSigner.generate(), tmp_path / "key.pem"
    pem.write_text(signer.public_key.pem)
    (added,) = run("tenant", "key", "add", str(pem), "--tenant", "keys", "--name", "ci")["keys"]
    assert added == {"key": signer.public_key.key_id, "algorithm": "ed25519", "name": "ci"}
    run("tenant", "key", "revoke", added["key"], "--tenant", "keys")
    (listed,) = run("tenant", "key", "list", "--tenant", "keys")["keys"]
    assert listed["revoked"] is not None
    assert run("tenant", "key", "revoke", "sha256:00", "--tenant", "keys") == (output.NO, "not_found")
    pem.write_text("no key")
    assert run("tenant", "key", "add", str(pem), "--tenant", "keys") == (output.NO, "malformed")
    assert run("tenant", "key", "add", str(tmp_path / "absent"), "--tenant", "keys") == (
        output.USAGE,
        "unreadable_file",
    )


def test_identities_come_and_go(run: Answer) -> None:
    run("tenant", "create", "identities")
    rule = ["--issuer", "https://issuer.example", "--identity", "a@example.org", "--tenant", "identities"]
    (added,) = run("tenant", "identity", "add", *rule)["identities"]
    run("tenant", "identity", "revoke", added["id"], "--tenant", "identities")
    (listed,) = run("tenant", "identity", "list", "--tenant", "identities")["identities"]
    assert (listed["identity"], listed["revoked"] is None) == ("a@example.org", False)
    assert run("tenant", "identity", "revoke", "no-id", "--tenant", "identities") == (output.NO, "malformed")


def test_a_webhook_comes_and_goes(run: Answer, tmp_path: Path) -> None:
    run("tenant", "create", "hooks")
    of, kept = ["--tenant", "hooks"], tmp_path / "secret"
    assert run("tenant", "webhook", "show", *of) == {"webhook": None, "messages": []}
    assert run("tenant", "webhook", "set", "http://example.org/", *of) == (output.NO, "webhook_url")
    (made,) = run("tenant", "webhook", "set", "https://example.org/a", *of)["webhooks"]
    assert len(made["secret"]) > 40
    kept.write_text("a secret of our own\n")
    assert run("tenant", "webhook", "set", "https://example.org/b", *of, "--secret", str(kept)) == {
        "webhooks": [{"url": "https://example.org/b"}]
    }
    shown = run("tenant", "webhook", "show", *of)
    assert (shown["webhook"]["url"], "secret" in shown["webhook"]) == ("https://example.org/b", False)
    assert run("tenant", "webhook", "remove", *of) == {"webhooks": [{"removed": True}]}
    assert run("tenant", "webhook", "remove", *of) == (output.NO, "not_found")


def test_a_token_is_shown_once(run: Answer) -> None:
    run("tenant", "create", "tokens")
    made = run("token", "create", "--tenant", "tokens", "--name", "ci", "--right", "evidence:write", "--days", "3")
    assert made["token"].startswith("evs_")
    assert made["rights"] == ["evidence:write"]
    assert made["expires"].endswith("Z")
    (listed,) = run("token", "list", "--tenant", "tokens")["tokens"]
    assert made["token"] not in str(listed)
    run("token", "revoke", made["id"], "--tenant", "tokens")
    (ended,) = run("token", "list", "--tenant", "tokens")["tokens"]
    assert ended["revoked"] is not None
    assert run("token", "create", "--tenant", "tokens", "--name", "x", "--right", "all") == (output.NO, "malformed")


def test_an_auditors_token_ends_and_says_what_it_sees(run: Answer) -> None:
    run("tenant", "create", "audited")
    of = ["--tenant", "audited", "--name", "a.auditor"]
    auditor = ["token", "create", *of, "--role", "auditor"]
    limits = ["--framework", "soc2", "--release", "app", "--from", "2026-01-01", "--until", "2026-06-30"]
    made = run(*auditor, *limits, "--expires", "90d")
    assert made["token"].startswith("evs_auditor_")
    assert made["rights"] == ["evidence:read", "pack:read"]
    sees = {
        "frameworks": ["aicpa-tsc"],
        "releases": ["app"],
        "from": "2026-01-01T00:00:00Z",
        "until": "2026-07-01T00:00:00Z",
    }
    assert made["grant"] == {"id": made["id"], **sees, "expires": made["expires"]}
    (listed,) = run("token", "list", "--tenant", "audited")["tokens"]
    assert (listed["role"], listed["sees"]) == ("auditor", sees)
    assert run(*auditor, "--expires", "9d", "--days", "9") == (output.USAGE, "usage")
    assert run("token", "create", *of, "--release", "app") == (output.USAGE, "usage")


def test_another_name_is_nobodys_tenant(run: Answer) -> None:
    assert run("token", "list", "--tenant", "nobody") == (output.NO, "not_found")


def test_migrating_again_changes_nothing(run: Answer) -> None:
    assert run("migrate") == {"migrated": True, "database": "embedded"}
    assert run("migrate") == {"migrated": True, "database": "embedded"}


def test_every_fault_of_the_settings_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVIDENCE_PORT", "many")
    monkeypatch.setenv("EVIDENCE_DATABASE_URL", "mysql://user:secret@host/db")
    assert main.main(["migrate", "--json"]) == output.USAGE
    shown = capsys.readouterr().err
    faults = orjson.loads(shown)["error"]["faults"]
    assert {fault["message"].partition(":")[0] for fault in faults} == {"EVIDENCE_PORT", "EVIDENCE_DATABASE_URL"}
    assert "secret" not in shown


def test_advisories_are_imported_once_and_shown(run: Answer, tmp_path: Path) -> None:
    assert run("osv", "status") == {"feed": None}
    feed = tmp_path / "feed.jsonl"
    records = [{"id": f"PYSEC-2026-{number}", "modified": "2026-01-02T00:00:00Z"} for number in range(3)]
    feed.write_bytes(b"\n".join([*map(orjson.dumps, records), b"no record"]))
    imported = run("osv", "import", str(feed))
    assert (imported["added"], imported["refused"], imported["feed"]["records"]) == (3, 1, 3)
    assert imported["refusals"][0]["place"].endswith("feed.jsonl:4")
    again = run("osv", "import", str(feed))
    assert (again["added"], again["unchanged"], again["feed"]) == (0, 3, None)
    assert run("osv", "status")["feed"]["digest"] == imported["feed"]["digest"]
    assert run("osv", "import", str(tmp_path / "absent.zip")) == (output.USAGE, "unreadable_file")


def test_drift_of_no_release_is_not_found(run: Answer) -> None:
    run("tenant", "create", "drifting")
    assert run("drift", "widget", "--tenant", "drifting") == (output.NO, "not_found")


def test_a_document_comes_and_goes(run: Answer, tmp_path: Path) -> None:
    run("tenant", "create", "documents")
    of, text = ["--tenant", "documents"], tmp_path / "page.graphql"
    text.write_text("{ evidence(first: 5) { edges { node { kind } } } }")
    (kept,) = run("document", "add", str(text), "--name", "page", *of)["documents"]
    (listed,) = run("document", "list", *of)["documents"]
    assert (listed["digest"], listed["name"]) == (kept["digest"], "page")
    text.write_text("{ evidence(first: 5) { edges { node { kinds } } } }")
    assert run("document", "add", str(text), *of) == (output.NO, "validation_failed")
    run("document", "remove", kept["digest"], *of)
    assert run("document", "list", *of)["documents"] == []
    assert run("document", "remove", kept["digest"], *of) == (output.NO, "unknown_document")
