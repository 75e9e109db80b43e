"""`evidence-api policy`: exit codes and both kinds of output."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from evidence_api.cli.main import main

BAD = "package a\n\nr := time.now_ns()\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_shipped_tests_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", "--json"]) == 0
    shown = orjson.loads(capsys.readouterr().out)
    assert (shown["passed"], shown["failed"]) == (len(shown["tests"]), 0)
    assert main(["policy", "test"]) == 0
    assert "admission/admission_test.rego" in capsys.readouterr().out


def test_failing_test_is_named_and_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"a.rego": "package a\n\nr := 1\n", "a_test.rego": "package a_test\n\ntest_r if data.a.r == 2\n"})
    assert main(["policy", "test", str(tmp_path)]) == 1
    assert "a_test.rego:3: test_r: undefined" in capsys.readouterr().out
    assert main(["policy", "test", str(tmp_path), "--json"]) == 1
    assert orjson.loads(capsys.readouterr().out)["failed"] == 1


def test_check_names_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"a.rego": BAD})
    assert main(["policy", "check", str(tmp_path)]) == 1
    assert "a.rego:3:6: banned_builtin: time.now_ns" in capsys.readouterr().err
    assert main(["policy", "check", str(tmp_path), "--json"]) == 1
    fault = orjson.loads(capsys.readouterr().err)["error"]["faults"][0]
    assert (fault["file"], fault["line"], fault["column"], fault["code"]) == ("a.rego", 3, 6, "banned_builtin")


def test_check_and_digest_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", "--json"]) == 0
    checked = orjson.loads(capsys.readouterr().out)
    assert main(["policy", "digest"]) == 0
    assert capsys.readouterr().out.strip() == checked["digest"]


@pytest.mark.parametrize(("spends", "code"), [([1], 0), ([1, 2], 1)])
def test_eval_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str], spends: list[int], code: int) -> None:
    question = tmp_path / "input.json"
    question.write_bytes(orjson.dumps({"kind": "model_call", "spends": spends, "budget": 2}))
    assert main(["policy", "eval", "model_call", "--input", str(question), "--json"]) == code
    shown = orjson.loads(capsys.readouterr().out)
    assert shown["allow"] is (code == 0)
    assert shown["rules"] == ([] if code == 0 else ["model_call.exceeded"])


@pytest.mark.parametrize("text", ["[]", "{"])
def test_eval_wants_an_object(tmp_path: Path, text: str) -> None:
    question = tmp_path / "input.json"
    question.write_text(text)
    assert main(["policy", "eval", "admission", "--input", str(question)]) == 1


def test_coverage_is_printed_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", "--coverage", "--fail-under", "100", "--json"]) == 0
    told = orjson.loads(capsys.readouterr().out)["coverage"]
    assert told["percent"] == 100
    assert all(rule["fired"] for rule in told["rules"])
    assert {rule["rule"] for rule in told["rules"]} > {"admission.failed_check", "rollout.freeze", "marketplace.risk"}


COVERED = """package evidence.policy.a

denials contains {"rule": "a.one", "reason": "x"} if {
	input.x
}

denials contains {"rule": "a.two", "reason": "y"} if {
	input.y
}
"""


def test_a_rule_that_no_test_makes_fire_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = 'package a_test\n\ntest_one if count(data.evidence.policy.a.denials) == 1 with input as {"x": true}\n'
    write(tmp_path, {"a.rego": COVERED, "a_test.rego": test})
    assert main(["policy", "test", str(tmp_path)]) == 0
    assert main(["policy", "test", str(tmp_path), "--coverage"]) == 1
    told = capsys.readouterr().out
    assert "a.rego:7: a.two: no test makes it fire" in told
    assert "1 of 2 denial rules fire" in told
    more = 'test_two if count(data.evidence.policy.a.denials) == 1 with input as {"y": true}\n'
    write(tmp_path, {"a_test.rego": f"{test}\n{more}"})
    assert main(["policy", "test", str(tmp_path), "--coverage"]) == 0
    write(tmp_path, {"a.rego": f"{COVERED}\nunused if {{\n\tinput.z\n}}\n"})
    assert main(["policy", "test", str(tmp_path), "--fail-under", "99"]) == 1


def test_fuzz_finds_nothing_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "fuzz", "write_paths", "residency", "--cases", "300", "--seed", "3", "--json"]) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert (told["seed"], told["found"]) == (3, 0)
    assert [(one["area"], one["asked"]) for one in told["areas"]] == [("residency", 300), ("write_paths", 300)]


def test_fuzz_prints_a_command_that_shows_the_find(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").mkdir()
    files = {
        "a/a.rego": 'package evidence.policy.a\n\ndecision := {"allow": true, "rules": [], "reasons": []}\n',
        "a/a_invariant.rego": 'package evidence.invariant.a\n\nsettings := [{"most": 3}]\n\n'
        'forbidden contains "too much" if input.size > data.a.most\n',
        "a/input.schema.json": '{"type": "object", "properties": {"size": {"type": "integer", "minimum": 0}}}',
    }
    write(tmp_path, files)
    assert main(["policy", "fuzz", "a", "--policy", str(tmp_path), "--cases", "500", "--seed", "1"]) == 1
    shown = capsys.readouterr().out
    assert "bypass in a: too much" in shown
    command = next(line for line in shown.splitlines() if "printf" in line)
    ready = command.replace("evidence-api", f"{sys.executable} -m evidence_api")
    done = subprocess.run(["/bin/sh", "-c", ready], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (0, "allow\n")
    assert '{"size":4}' in command


def test_fuzz_names_an_unknown_area(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "fuzz", "nothing"]) == 1
    assert "no area nothing" in capsys.readouterr().err
