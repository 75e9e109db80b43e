"""The sample release: real files, real packages, real checks, in statements our own readers understand."""

import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.domain.decision import Decision
from evidence_api.domain.evidence import Normalised
from evidence_api.engines.commands import run
from evidence_api.engines.installed import Installed
from evidence_api.formats.cyclonedx import validate_bom
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import parse_statement
from evidence_api.use_cases import sample_statements as statements
from evidence_api.use_cases.sample_artifact import Artifact, Source, pack_artifact, read_source
from evidence_api.use_cases.sample_sbom import sbom_of

AT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
COMMIT = "a" * 40
PACKAGES = (
    Installed("product", "1.0", "Apache-2.0", "0" * 64, ("left",)),
    Installed("left", "2.1", "MIT", "1" * 64, ("right", "absent")),
    Installed("right", "3", "", "", ()),
)


@pytest.fixture
def product() -> statements.Product:
    return statements.Product("product", "1.0", "0.1", Artifact("product.zip", b"zip"), Source(COMMIT, changed=False))


def read(statement: dict[str, Any]) -> Normalised:
    payload = orjson.dumps(statement)
    return normalise(parse_statement(payload), len(payload))


def tree(root: Path) -> None:
    (root / "evidence_api" / "__pycache__").mkdir(parents=True)
    (root / "evidence_api" / "a.py").write_text("a = 1\n")
    (root / "evidence_api" / "__pycache__" / "a.pyc").write_bytes(b"compiled")
    (root / "controls").mkdir()
    (root / "controls" / "c.yaml").write_text("id: C\n")


def test_the_archive_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    first = pack_artifact(tmp_path, "product")
    (tmp_path / "evidence_api" / "a.py").touch()
    assert pack_artifact(tmp_path, "product") == first
    assert zipfile.ZipFile(BytesIO(first.content)).namelist() == ["controls/c.yaml", "evidence_api/a.py"]
    (tmp_path / "evidence_api" / "a.py").write_text("a = 2\n")
    assert pack_artifact(tmp_path, "product").digest != first.digest


def test_an_installed_package_packs_nothing_beside_itself(tmp_path: Path) -> None:
    tree(tmp_path)
    assert zipfile.ZipFile(BytesIO(pack_artifact(tmp_path, "p").content)).namelist() == ["evidence_api/a.py"]


async def test_the_commit_is_named_only_for_our_own_checkout(tmp_path: Path) -> None:
    tree(tmp_path)
    assert await read_source(tmp_path) == Source("", changed=False)
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        assert (await run([*git, *command], cwd=tmp_path)).code == 0
    source = await read_source(tmp_path)
    assert len(source.commit) == 40
    assert not source.changed
    (tmp_path / "controls" / "c.yaml").write_text("id: D\n")
    assert await read_source(tmp_path) == Source(source.commit, changed=True)
    assert await read_source(tmp_path / "controls") == Source("", changed=False)


def test_the_bill_of_materials_is_valid_and_says_nothing_was_scanned(product: statements.Product) -> None:
    document = sbom_of("product", "1.0", product.artifact, PACKAGES, AT)
    assert validate_bom(document) == "1.6"
    facts = read(statements.sbom(product, document)).facts
    assert (facts["components"], facts["with_purl"], facts["analysed"]) == (2, 2, False)
    assert "criticals" not in facts
    depends = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert depends == {"product": ["left@2.1"], "left@2.1": ["right@3"], "right@3": []}


def test_provenance_links_the_artifact_to_the_commit(product: statements.Product) -> None:
    read_back = read(statements.provenance(product, AT, AT))
    assert (read_back.kind, read_back.sources) == ("provenance", (f"sha1:{COMMIT}",))
    without = statements.Product("product", "1.0", "0.1", product.artifact, Source("", changed=False))
    assert read(statements.provenance(without, AT, AT)).sources == ()


def test_a_release_names_its_artifact(product: statements.Product) -> None:
    statement = statements.release(product, AT)
    assert read(statement).facts == {"name": "product", "version": "1.0", "subjects": 1}
    assert statement["subject"] == [{"name": "product.zip", "digest": {"sha256": product.artifact.digest}}]


@pytest.mark.parametrize(("passed", "verdict"), [(True, "pass"), (False, "fail")])
def test_checks_are_about_the_commit(product: statements.Product, *, passed: bool, verdict: str) -> None:
    check = statements.Check("compile", passed, AT)
    statement = statements.checks_of_commit(product, [check], AT)
    assert statement["subject"] == [{"name": "git", "digest": {"gitCommit": COMMIT}}]
    assert read(statement).facts["required"] == verdict


def test_a_suite_counts_its_tests(product: statements.Product) -> None:
    check = statements.Check("policy-test", False, AT, ("a", "b"), ("c",))  # noqa: FBT003  a record
    facts = read(statements.test_result(product, check)).facts
    assert (facts["result"], facts["passed"], facts["failed"]) == ("failed", 2, 1)


def test_a_check_that_looks_for_several_things_is_named_for_each(product: statements.Product) -> None:
    check = statements.Check("secret-scan", True, AT, ("9 files",), also=("pii-scan",))  # noqa: FBT003  a record
    facts = read(statements.test_result(product, check)).facts
    assert (facts["result"], facts["configuration"]) == ("passed", ("pii-scan", "secret-scan"))


def test_what_a_linter_found_is_a_static_analysis(product: statements.Product) -> None:
    found = [{"level": "error", "message": {"text": "wrong"}, "ruleId": "E1"}]
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "lint"}}, "results": found}]}
    read_back = read(statements.static_analysis(product, log))
    assert (read_back.kind, read_back.facts["tool"], read_back.facts["errors"]) == ("static_analysis", "lint", 1)


def test_a_denied_decision_is_told_as_one(product: statements.Product) -> None:
    answer = {"allow": False, "rules": ["budget.exceeded"], "reasons": ["over the limit"]}
    decision = Decision.of("budget", b"{}", "sha256:" + "0" * 64, answer)
    statement = statements.policy_decision(product, decision, AT)
    facts = read(statement).facts
    assert (facts["denies"], facts["reasons"]) == (1, ("over the limit",))
    assert (facts["area"], facts["rule"]) == ("budget", "budget.exceeded")
    assert statement["predicate"]["producer"]["id"] == statements.QUICKSTART  # not the server's own word


def test_the_contract_is_what_the_checks_showed(product: statements.Product) -> None:
    def after(*checks: statements.Check) -> Normalised:
        return read(statements.contract(product, checks, AT))

    held = statements.Check("lint", passed=True, finished=AT, passed_parts=("a", "b"))
    met = after(held)
    assert (met.kind, met.facts["met"], met.facts["disagreements"], met.facts["conditions"]) == ("contract", True, 0, 1)
    broken = after(held, statements.Check("tests", passed=False, finished=AT, failed_parts=("one",)))
    died = after(statements.Check("tests", passed=False, finished=AT))
    assert (broken.facts["unmet"], died.facts["unmet"]) == (("tests.failed",), ("tests.failed",))
    assert broken.facts["met"] is False
