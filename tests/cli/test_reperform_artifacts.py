"""`evidence-api reperform --artifacts`: episodes found by their digest among the files given."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.cli import output
from evidence_api.cli.main import main
from evidence_api.domain.decisions.off_policy import DeployGate, Episodes
from evidence_api.domain.decisions.ope_report import statement
from evidence_api.domain.errors import EngineMemory
from evidence_api.engines.episode_reader import EpisodeReader, Progress
from tests.support.episodes import drawn, json_lines, parquet

HEAD = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}


def write_report(file: Path, episodes: Episodes, *bodies: bytes, **altered: object) -> str:
    """One report a body, over the same episodes; the file's name."""
    lines = []
    for body in bodies:
        made = statement(
            episodes,
            DeployGate(0.01, 0.9, 100),
            baseline_eval=0.85,
            baseline_cost_usd=0.3,
            artifact=sha256(body).hexdigest(),
        )
        predicate = {**HEAD, **made, **altered}
        lines.append(orjson.dumps({"predicateType": "urn:evidence-api:ope-report:v1", "predicate": predicate}))
    file.write_bytes(b"\n".join(lines))
    return str(file)


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_both_formats_are_found_and_computed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episodes, kept = drawn(3_000), tmp_path / "artifacts"
    kept.mkdir()
    bodies = json_lines(episodes), parquet(episodes)
    (kept / sha256(bodies[0]).hexdigest()).write_bytes(bodies[0])
    other = tmp_path / "any name at all"
    other.write_bytes(bodies[1])
    reports = write_report(tmp_path / "reports.jsonl", episodes, *bodies)
    assert main(["reperform", reports, "--artifacts", str(kept), "--artifacts", str(other), "--json"]) == output.OK
    found = told(capsys)
    assert [one["status"] for one in found] == ["AGREES", "AGREES"]
    assert found[0]["reason"].startswith("deploy: over 3000 logged episodes")


def test_an_altered_claim_is_found_by_the_artifact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episodes = drawn(2_000)
    (tmp_path / "episodes").write_bytes(json_lines(episodes))
    report = write_report(tmp_path / "report.json", episodes, json_lines(episodes), deploy=False)
    assert main(["reperform", report, "--artifacts", str(tmp_path), "--json"]) == output.NO
    assert told(capsys)[0]["differences"] == [{"path": "deploy", "claimed": False, "recomputed": True}]


def test_without_the_file_it_cannot_be_reperformed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episodes = drawn(2_000)
    digest = sha256(json_lines(episodes)).hexdigest()
    report = write_report(tmp_path / "report.json", episodes, json_lines(episodes))
    for given in ([], ["--artifacts", str(tmp_path)]):
        assert main(["reperform", report, *given, "--json"]) == output.OK
        (one,) = told(capsys)
        assert (one["status"], one["differences"]) == ("NOT_REPERFORMABLE", [])
        assert one["reason"] == f"the episodes are in artifact sha256:{digest}, which was never uploaded"


def test_a_file_that_holds_no_episodes_is_refused_by_its_line_and_the_rest_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    episodes = drawn(2_000)
    good = json_lines(episodes)
    bad = good.replace(b'"pBehavior":', b'"pBehavior":-', 1)
    for name, body in (("good", good), ("bad", bad)):
        (tmp_path / name).write_bytes(body)
    report = write_report(tmp_path / "reports.jsonl", episodes, bad, good)
    assert main(["reperform", report, "--artifacts", str(tmp_path), "--json"]) == output.USAGE
    first, second = told(capsys)
    assert (first["status"], first["code"]) == ("REFUSED", "out_of_domain")
    assert (first["path"], first["line"], first["column"]) == ("episodesArtifact.pBehavior", 1, "pBehavior")
    assert second["status"] == "AGREES"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = write_report(tmp_path / "report.json", drawn(3), b"anything")
    assert main(["reperform", report, "--artifacts", str(tmp_path / "absent"), "--json"]) == output.USAGE
    assert orjson.loads(capsys.readouterr().err)["error"]["code"] == "unreadable_file"


@pytest.mark.parametrize("as_text", [False, True])
def test_a_file_no_reader_gets_through_stops_no_other(
    as_text: bool,  # noqa: FBT001  a parameter of the test
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    episodes = drawn(2_000)
    hostile = json_lines(drawn(1))
    for name, body in (("good", json_lines(episodes)), ("hostile", hostile)):
        (tmp_path / name).write_bytes(body)
    read = EpisodeReader.read

    async def out_of_memory(self: EpisodeReader, file: Path, progress: Progress) -> Episodes:
        if file.name == "hostile":
            raise EngineMemory("the episodes need more than 1 MiB", limit=2**20)
        return await read(self, file, progress)

    monkeypatch.setattr(EpisodeReader, "read", out_of_memory)
    reports = write_report(tmp_path / "reports.jsonl", episodes, hostile, json_lines(episodes))
    given = ["--artifacts", str(tmp_path), "--text" if as_text else "--json"]
    assert main(["reperform", reports, *given]) == output.UNDECIDED
    if as_text:
        said = capsys.readouterr().out
        assert said.startswith("UNDECIDED engine_memory: the episodes need more than 1 MiB\nAGREES deploy")
        assert said.endswith("1 agrees, 1 undecided\n")
    else:
        first, second = told(capsys)
        assert (first["status"], first["code"], first["differences"]) == ("UNDECIDED", "engine_memory", [])
        assert second["status"] == "AGREES"
