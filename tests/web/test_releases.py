"""A release's verdict for other tools: signed, deterministic, and read back by our own reader and commands."""

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from evidence_api.cli import main, output
from evidence_api.engines.keys import load_public_key, verify_envelope
from evidence_api.formats.dsse import parse_envelope
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import parse_statement
from tests.support import statements
from tests.web.conftest import Door


@pytest.fixture
async def assessed(door: Door) -> Door:
    """widget@1.0.0, assessed by the shipped catalog: some pass, most are missing."""
    for statement in (statements.release(), statements.provenance(), statements.sbom()):
        assert (await door.upload(statement)).status_code == 201
    await door.application.reassessor.sweep()
    return door


def statement_of(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(parse_envelope(answer.json()).payload)
    return found


async def test_both_are_signed_by_the_evidence_key_and_say_whose_release_it_is(assessed: Door) -> None:
    key = await assessed.http.get("/v1/evidence-key")
    assert (key.status_code, key.headers["content-type"]) == (200, "application/x-pem-file")
    for form in ("vsa", "svr"):
        answer = await assessed.http.get(f"/v1/releases/widget@1.0.0/{form}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"application/vnd.in-toto.{form}+dsse"
        assert verify_envelope(parse_envelope(answer.json()), [load_public_key(key.content)]).status == "verified"
        statement = statement_of(answer)
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        (subject,) = statement["subject"]
        assert f"sha256:{subject['digest']['sha256']}" == statements.ARTIFACT
        again = await assessed.http.get(f"/v1/releases/widget/{form}")
        assert again.content == answer.content  # the same assessment, the same bytes


async def test_the_reader_of_this_house_reads_both_back(assessed: Door) -> None:
    summary = statement_of(await assessed.http.get("/v1/releases/widget/vsa"))
    normalised = normalise(parse_statement(orjson.dumps(summary)), 1)
    predicate = summary["predicate"]
    assert normalised.facts["result"] == "failed"
    assert normalised.facts["levels"] == ("FAILED",)
    assert normalised.facts["verifier"] == "urn:evidence-api:verifier:evidence.local/acme:v1"
    assert normalised.facts["resource"] == "pkg:generic/widget@1.0.0"
    assert normalised.facts["policy_digest"] == assessed.application.catalog.digest
    assert list(predicate["verifier"]["version"]) == ["evidence-api"]
    result = statement_of(await assessed.http.get("/v1/releases/widget/svr"))
    passed = normalise(parse_statement(orjson.dumps(result)), 1)
    assert passed.effective == normalised.effective
    properties = result["predicate"]["properties"]
    counts = result["predicate"]["urn:evidence-api:assessment:v1"]["counts"]
    assert passed.facts["levels"] == tuple(properties)
    assert len(properties) == counts["pass"] > 0
    assert counts["missing"] > 0


async def test_the_inputs_are_the_evidence_the_verdicts_rest_on_and_can_be_fetched(assessed: Door) -> None:
    predicate = statement_of(await assessed.http.get("/v1/releases/widget/vsa"))["predicate"]
    inputs = predicate["inputAttestations"]
    assert len(inputs) >= 3
    for one in inputs:
        blob = await assessed.http.get(f"/v1/blobs/sha256:{one['digest']['sha256']}")
        assert blob.status_code == 200
        assert (await assessed.http.get(f"/v1/evidence/{one['name']}/receipt")).status_code == 200


async def test_inspect_verifies_them_with_the_servers_key(
    assessed: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, file = tmp_path / "server.pem", tmp_path / "svr.json"
    key.write_bytes((await assessed.http.get("/v1/evidence-key")).content)
    file.write_bytes((await assessed.http.get("/v1/releases/widget/svr")).content)
    assert main.main(["inspect", str(file), "--key", str(key), "--json"]) == output.OK
    shown = orjson.loads(capsys.readouterr().out)
    assert (shown["status"], shown["kind"]) == ("verified", "vsa")
    assert shown["subjects"][0]["digests"] == [statements.ARTIFACT]


async def test_nothing_is_appended_by_asking(assessed: Door) -> None:
    async def leaves() -> bytes:
        return (await assessed.http.get("/v1/log/acme/checkpoint")).content

    before = await leaves()
    await assessed.http.get("/v1/releases/widget/vsa")
    assert await leaves() == before


@pytest.mark.parametrize("form", ["vsa", "svr"])
async def test_what_there_is_not_is_not_found(door: Door, rival: Door, form: str) -> None:
    await door.upload(statements.release())
    unassessed = await door.http.get(f"/v1/releases/widget/{form}")
    assert (unassessed.status_code, unassessed.json()["code"]) == (404, "not_assessed")
    assert (await door.http.get(f"/v1/releases/gadget/{form}")).json()["code"] == "not_found"
    assert (await rival.http.get(f"/v1/releases/widget/{form}")).json()["code"] == "not_found"
    anybody = await door.http.get(f"/v1/releases/widget/{form}", headers={"Authorization": ""})
    assert anybody.status_code == 401
