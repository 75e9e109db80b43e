"""`evidence-api verify`: words for people, JSON for machines, and the exit code for scripts."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from evidence_api.cli.verify import app
from evidence_api.engines.rego import RegoPool
from tests.support.packs import PackWorld, build_world


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[PackWorld]:
    async with RegoPool(workers=1, timeout=20) as rego:
        yield await build_world(rego)


@pytest.fixture
def pack(world: PackWorld, tmp_path: Path) -> Path:
    path = tmp_path / "audit-pack.json"
    path.write_bytes(world.json())
    return path


def test_a_good_pack_ends_with_0_and_names_the_fingerprint(world: PackWorld, pack: Path) -> None:
    ran = CliRunner().invoke(app, [str(pack)])
    assert ran.exit_code == 0
    assert "VERIFIED" in ran.stdout
    assert world.key.fingerprint in ran.stdout
    assert "compare this fingerprint" in ran.stdout
    assert "2 pass, 1 stale, 1 waived" in ran.stdout


def test_a_pinned_signer_needs_no_comparing(world: PackWorld, pack: Path) -> None:
    ran = CliRunner().invoke(app, [str(pack), "--key", world.key.fingerprint])
    assert ran.exit_code == 0
    assert "as expected" in " ".join(ran.stdout.split())
    assert "compare this fingerprint" not in ran.stdout


def test_a_signer_may_be_pinned_by_file(world: PackWorld, pack: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(b"-----BEGIN CERTIFICATE" + world.key.to_pem().partition(b"-----BEGIN CERTIFICATE")[2])
    assert CliRunner().invoke(app, [str(pack), "--key", str(certificate)]).exit_code == 0


def test_a_changed_byte_ends_with_1_and_says_which_step(pack: Path) -> None:
    content = pack.read_bytes()
    pack.write_bytes(content.replace(b'"tenant":"acme"', b'"tenant":"acne"'))
    ran = CliRunner().invoke(app, [str(pack)])
    assert ran.exit_code == 1
    assert "NOT VERIFIED" in ran.stdout
    assert "pack_signature" in ran.stdout


def test_json_says_the_same(world: PackWorld, pack: Path) -> None:
    ran = CliRunner().invoke(app, [str(pack), "--json", "--key", "sha256:" + "0" * 64])
    report = orjson.loads(ran.stdout)
    assert ran.exit_code == 1
    assert (report["ok"], report["codes"]) == (False, ["signer_not_expected"])
    good = orjson.loads(CliRunner().invoke(app, [str(pack), "--json"]).stdout)
    assert good["ok"]
    assert good["signer"] == {"fingerprint": world.key.fingerprint, "name": "acme", "pinned": False}
    assert [step["number"] for step in good["steps"]] == list(range(1, 11))


def test_a_file_that_is_no_pack_ends_with_1(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    ran = CliRunner().invoke(app, [str(path)])
    assert ran.exit_code == 1
    assert "not_json" in ran.stdout
