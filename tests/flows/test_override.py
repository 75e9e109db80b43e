"""`evidence-api override`: what is refused before it is sent and by the server, and what the waiver does there."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evidence_api.bootstrap import Application, open_application
from evidence_api.cli import main, output
from evidence_api.cli.serving import serving
from evidence_api.domain.token import RIGHTS
from evidence_api.domain.verification import Verified
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.settings import Settings
from evidence_api.store.migrate import Login, login_dsn
from evidence_api.use_cases.check import Trust, check_evidence
from tests.support import statements
from tests.web.conftest import Door, door

__all__ = ["door"]

UNTIL = (datetime.now(UTC) + timedelta(days=90)).strftime("%Y-%m-%d")
GOOD = {
    "--reason": "Only in the test image.",
    "--owner": "o.wner",
    "--requester": "r.equester",
    "--approver": "ci",  # as the key is called
    "--until": UNTIL,
    "--key": "ci.pem",
}
OFFLINE = {"subject": "key.txt", "output": "override.json"}
Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `override CONTROL` with good options, changed; its exit code and JSON."""
    monkeypatch.chdir(tmp_path)
    for name in ("EVIDENCE_TOKEN", "EVIDENCE_SERVER", "SIGSTORE_ID_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "ci.pem").write_bytes(EnvelopeSigner.generate("ed25519").to_pem())
    (tmp_path / "key.txt").write_text("an artifact")

    def once(control: str = "IG-SC-5", **change: str | None) -> tuple[int, Any]:
        options = {**GOOD, **{f"--{name.rstrip('_')}": one for name, one in change.items()}}
        words = [word for name, one in options.items() if one is not None for word in (name, one)]
        code = main.main(["override", *([control] if control else []), *words, "--json"])
        shown = capsys.readouterr()
        answer = shown.out if code == output.OK or '"sent"' in shown.out else shown.err
        return code, json.loads(answer[answer.index("{\n") :])  # a server in this process writes its log there, too

    return once


def test_it_is_written_instead_of_sent(run: Run, tmp_path: Path) -> None:
    code, said = run(**OFFLINE, scope="widget", until="2099-01-01T08:00:00+01:00")
    assert (code, said["out"]) == (output.OK, "override.json")
    assert "sent" not in said
    signer = EnvelopeSigner.from_pem((tmp_path / "ci.pem").read_bytes())
    checked = check_evidence((tmp_path / "override.json").read_bytes(), Trust(keys=(signer.public_key,)))
    assert isinstance(checked.verification, Verified)
    assert (checked.id, checked.kind) == (said["evidence"], "override")
    assert checked.normalised.facts["until"] == "2099-01-01T07:00:00Z"
    assert checked.normalised.facts["scope"] == "widget"
    assert said["override"]["from"] == said["override"]["decidedAt"]


@pytest.mark.parametrize(
    ("control", "change", "exit_code", "code"),
    [
        ("", {}, output.USAGE, "usage"),
        ("IG-SC-5", {"rule": "a.b"}, output.USAGE, "usage"),
        ("IG-SC-5", {"subject": None}, output.USAGE, "usage"),
        ("IG-SC-5", {"release": "widget"}, output.USAGE, "usage"),
        ("IG-SC-5", {"key": None}, output.USAGE, "usage"),
        ("IG-SC-5", {"kms": "gcpkms:x"}, output.USAGE, "usage"),
        ("IG-SC-5", {"key": "absent.pem"}, output.USAGE, "unreadable_file"),
        ("IG-SC-5", {"requester": " Ci "}, output.NO, "self_approved"),
        ("IG-SC-5", {"reason": "  "}, output.NO, "malformed"),
        ("IG-SC-5", {"until": "2020-01-01"}, output.NO, "malformed"),
        ("IG-SC-5", {"until": "soon"}, output.NO, "malformed"),
        ("IG-SC-5", {"scope": "two words"}, output.NO, "malformed"),
        ("IG-SC-5", {"output": None}, output.USAGE, "usage"),
    ],
)
def test_what_is_refused_before_it_is_sent(  # noqa: PLR0913, PLR0917  fixtures
    run: Run, tmp_path: Path, control: str, change: dict[str, str | None], exit_code: int, code: str
) -> None:
    ended, said = run(control, **{**OFFLINE, **change})
    assert (ended, said["error"]["code"]) == (exit_code, code)
    assert not (tmp_path / "override.json").exists()


@pytest.fixture
async def application(login: Login, tmp_path: Path, nursery: Nursery) -> AsyncIterator[Application]:
    """By the true clock, as the command is."""
    settings = Settings.from_environment(home=tmp_path, database_url=login_dsn(login.app_dsn, "postgres"), port=0)
    async with open_application(settings, None, nursery) as opened:
        yield opened


async def test_against_a_server(door: Door, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ci.pem").write_bytes(door.signer.to_pem())
    assert (await door.upload(statements.release())).status_code == 201
    made = await door.application.tenancy.create_token(door.scope, "cli", RIGHTS, None)
    async with serving(door.application) as served:
        monkeypatch.setenv("EVIDENCE_SERVER", served.url)
        monkeypatch.setenv("EVIDENCE_TOKEN", str(made.token))

        def ask(control: str = "IG-SC-5", **change: str | None) -> Coroutine[Any, Any, tuple[int, Any]]:
            return asyncio.to_thread(run, control, **{"release": "widget@1.0.0", **change})

        await _sends(ask, door)
        await _refuses(ask)


async def _sends(ask: Callable[..., Coroutine[Any, Any, tuple[int, Any]]], door: Door) -> None:
    code, said = await ask()
    assert code == output.OK, said
    assert said["override"]["scope"] == "widget@1.0.0"
    assert said["subjects"] == [[statements.ARTIFACT]]
    assert said["sent"]["proved"]
    assert said["sent"]["receipt"]["evidenceId"] == said["evidence"]
    assessment = await door.application.reassessor.assess_now(door.scope, "widget")
    (found,) = (one for one in assessment.findings if one.control == "IG-SC-5")
    assert (found.outcome, found.raw, found.waiver) == ("waived", "missing", said["evidence"])
    code, said = await ask("", release=None, subject="key.txt", rule="write_paths.review_required")
    assert code == output.OK, said
    assert (said["override"]["rule"], said["override"]["scope"]) == ("write_paths.review_required", "")
    code, said = await ask(from_="2026-01-01", until="2026-01-02")
    assert code == output.OK, said
    assessment = await door.application.reassessor.assess_now(door.scope, "widget")
    (found,) = (one for one in assessment.findings if one.control == "IG-SC-5")
    assert found.outcome == "missing"
    assert "ended on 2026-01-02 and no longer counts" in found.because


async def _refuses(ask: Callable[..., Coroutine[Any, Any, tuple[int, Any]]]) -> None:
    code, said = await ask("IG-SC-55")
    assert (code, said["error"]["code"], said["error"]["fields"]["nearest"]) == (
        output.NO,
        "unknown_control",
        "IG-SC-5",
    )
    code, said = await ask(release="gadget")
    assert (code, said["error"]["code"]) == (output.NO, "not_found")
    for change, rule in (
        ({"approver": "bob"}, "override.not_signed_by_approver"),
        ({"until": "2099-01-01"}, "override.too_long"),
    ):
        code, said = await ask(**change)
        error = said["sent"]["error"]
        assert (code, error["code"], error["fields"]["rules"]) == (output.NO, "inadmissible", [rule])
        assert error["fields"]["reasons"]
