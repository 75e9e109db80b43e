"""`evidence-api reverify` over a real database: what it prints, and its exit codes."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.bootstrap import open_application
from evidence_api.cli import main, output
from evidence_api.engines.clock import SystemClock
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.settings import Settings
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.check import Trust, check_evidence
from tests.support.checked import ADMITTED, TestSigner
from tests.support.sigstore_authorities import AT, IDENTITY, ISSUER, START
from tests.support.sigstore_factory import Sigstore

WORLD = Sigstore()
RULE = IdentityRule(ISSUER, IDENTITY)
Answer = Callable[..., tuple[int, Any]]


async def fill(home: Path) -> str:
    """Tenant `acme` trusts the identity and has one bundle in its log; gives its evidence id."""
    trust = Trust((), (RULE,), BundleVerifier(WORLD.trusted_root()))
    async with open_application(Settings.from_environment(home=home)) as application:
        scope = await application.tenancy.create("acme")
        await application.tenancy.create("empty")
        await application.tenancy.add_identity(scope, RULE, "release")
        appender = Appender(application.database, TestSigner(), SystemClock())
        receipt = await appender.append(scope, check_evidence(orjson.dumps(WORLD.of_statement()), trust), ADMITTED)
        await appender.close()
    return receipt.evidence_id


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A home folder whose database runs as long as the module, and the evidence in it."""
    home = tmp_path_factory.mktemp("reverify")
    with EmbeddedPostgres(home):
        yield home, asyncio.run(fill(home))


@pytest.fixture
def run(
    stored: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Answer:
    """Run the command with a trusted root; gives its exit code and what it printed."""
    monkeypatch.setenv("EVIDENCE_HOME", str(stored[0]))
    monkeypatch.delenv("EVIDENCE_TENANT", raising=False)

    def once(root: bytes, *words: str) -> tuple[int, Any]:
        file = tmp_path / "trusted_root.json"
        file.write_bytes(root)
        code = main.main(["reverify", "--trusted-root", str(file), *words])
        shown = capsys.readouterr()
        if "--json" not in words:
            return code, shown.out
        return code, orjson.loads(shown.out or shown.err)

    return once


def test_what_still_verifies_is_a_yes_and_what_does_not_a_no(run: Answer, stored: tuple[Path, str]) -> None:
    code, answer = run(WORLD.trusted_root(), "--json")
    assert code == output.OK
    acme, empty = answer["tenants"]
    assert (acme["tenant"], acme["counts"]["verified"], acme["changes"]) == ("acme", 1, 0)
    assert (empty["tenant"], sum(empty["counts"].values())) == ("empty", 0)
    ended = WORLD.trusted_root(log=(START, AT - timedelta(seconds=1)))
    code, answer = run(ended, "--tenant", "acme", "--evidence", stored[1], "--json")
    assert code == output.NO
    (report,) = answer["tenants"]
    assert report["trustedRoot"] == BundleVerifier(ended).digest
    (changed,) = report["changed"]
    assert (changed["evidence"], changed["then"], changed["now"]) == (stored[1], "verified", "failed")
    assert changed["code"] == "log_key_expired"
    code, shown = run(ended, "--kind", "statement")
    assert code == output.NO
    assert f"{stored[1]} statement: verified when it came in, failed now (log_key_expired" in shown


def test_what_is_asked_wrongly_is_said(run: Answer, stored: tuple[Path, str]) -> None:
    code, answer = run(WORLD.trusted_root(), "--evidence", stored[1], "--json")
    assert (code, answer["error"]["code"]) == (output.USAGE, "usage")
    code, answer = run(b"{}", "--json")
    assert (code, answer["error"]["code"]) == (output.NO, "malformed")
    code, answer = run(WORLD.trusted_root(), "--tenant", "nobody", "--json")
    assert (code, answer["error"]["code"]) == (output.NO, "not_found")
