"""`evidence-api policy`: exit codes and both kinds of output."""

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
