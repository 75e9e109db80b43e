"""Kinds on the command line: the list, the schemas, and signing any of them from a file."""

import json
from pathlib import Path

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from evidence_api.cli import main, output
from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.verification import Verified
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.predicate_schemas import PREDICATE_KINDS
from evidence_api.use_cases.check import Trust, check_evidence
from tests.support.decision_examples import EXAMPLES, example

NAMES = sorted(EXAMPLES)


def test_the_list_is_a_table_of_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["kinds", "list"]) == output.OK
    told = capsys.readouterr().out
    for kind in PREDICATE_KINDS.values():
        assert kind.name in told
        assert kind.predicate_type in told
    assert "rollout-gate" in told
    assert "deferred" in told


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["kinds", "list", "--json"]) == output.OK
    told = {one["name"]: one for one in orjson.loads(capsys.readouterr().out)}
    assert told["rollout-gate"] == {
        "name": "rollout-gate",
        "kind": "rollout",
        "predicateType": "urn:evidence-api:rollout-gate:v1",
        "title": DECISIONS["urn:evidence-api:rollout-gate:v1"].title,
        "checked": "reperformed",
    }
    assert {one["checked"] for one in told.values()} == {
        "reperformed",
        "deferred",
        "schema only",
        "derived by the server",
        "part of router-decision",
    }


@pytest.mark.parametrize("words", [["rollout"], ["rollout-gate", "--json"], ["urn:evidence-api:rollout-gate:v1"]])
def test_a_schema_is_printed_as_it_can_be_used(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["kinds", "schema", *words]) == output.OK
    schema = orjson.loads(capsys.readouterr().out)
    assert schema["$id"] == "urn:evidence-api:schema:rollout-gate:v1"
    Draft202012Validator(schema).validate(example("rollout-gate"))


def test_the_schema_of_the_decision_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["kinds", "schema", "decision-card"]) == output.OK
    validator = Draft202012Validator(orjson.loads(capsys.readouterr().out))
    card = example("router-decision")["card"]
    assert validator.is_valid(card)
    for member in ("taskId", "chosenArm", "predictedEval", "predictedCostUSD", "uncertainty", "rationale"):
        assert not validator.is_valid({name: value for name, value in card.items() if name != member})


def test_a_wrong_name_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["kinds", "schema", "rolout", "--json"]) == output.USAGE
    error = orjson.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "no_such_kind"
    assert error["fields"]["nearest"] == ["rollout", "router", "rollout-gate"]


@pytest.mark.parametrize("name", NAMES)
def test_every_decision_is_signed_from_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    signer = EnvelopeSigner.generate("ed25519")
    Path("key.pem").write_bytes(signer.to_pem())
    Path("app.tar").write_text("app")
    Path("decision.json").write_text(json.dumps(example(name)))
    predicate_type = PREDICATE_KINDS[name].predicate_type
    words = ["--predicate-type", predicate_type, "--subject", "app.tar", "--key", "key.pem", "--out", "out.json"]
    assert main.main(["attest", "decision.json", *words]) == output.OK
    checked = check_evidence(Path("out.json").read_bytes(), Trust(keys=(signer.public_key,)))
    assert isinstance(checked.verification, Verified)
    assert (checked.normalised.kind, checked.predicate_type) == (PREDICATE_KINDS[name].kind, predicate_type)


def test_a_decision_out_of_domain_is_not_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("key.pem").write_bytes(EnvelopeSigner.generate("ed25519").to_pem())
    Path("app.tar").write_text("app")
    Path("decision.json").write_text(json.dumps({**example("roi-estimate"), "cost": {}}))
    words = [
        "--predicate-type",
        "urn:evidence-api:roi-estimate:v1",
        "--subject",
        "app.tar",
        "--key",
        "key.pem",
        "--json",
    ]
    assert main.main(["attest", "decision.json", *words]) == output.NO
    error = orjson.loads(capsys.readouterr().err)["error"]
    assert (error["code"], error["fields"]["path"]) == ("out_of_domain", "predicate.cost")


def test_help_of_attest_says_how_decisions_are_signed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["attest", "--help"]) == output.OK
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "a decision, for instance urn:evidence-api:router-decision:v1" in told
    assert "`evidence-api kinds list` names our own" in told
