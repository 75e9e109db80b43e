"""What is shown to people: folded beside its name, without markup, and without anything that steers a terminal."""

import pytest

from evidence_api.cli import output


def test_fields_are_folded_beside_their_names_and_empty_ones_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_WIDTH_OF_A_FILE", 40)
    long, whole = "word " * 12, "sha256:" + "a" * 64
    output.print_fields([("because", long), ("fix", ""), ("none", None), ("ids", whole), ("list", [1])], title="T" * 60)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert lines[0].endswith("…")
    assert [line.split()[0] for line in lines[1:] if not line.startswith("   ")] == ["because", "ids", "list"]
    assert "".join(line[11:].strip() for line in lines if "a" * 10 in line or "sha256" in line) == whole


@pytest.mark.parametrize("text", ["\x1b[2J", "\x9b31m", "\u202egnp.exe", "a\rb", "\x07"])
def test_what_others_wrote_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str], text: str) -> None:
    output.print_fields([("name", text)], title=text)
    output.print_table(("name",), [(text,)])
    output.say(text)
    output.say_unbroken(text)
    shown = capsys.readouterr().out
    assert shown.count("\N{REPLACEMENT CHARACTER}") == 5
    assert not set(shown) & set("\x1b\x9b\u202e\r\x07")


def test_markup_of_others_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_fields([("name", "[bold]x[/bold]\nsecond")], title="[red]t")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["[red]t", "  name  [bold]x[/bold]", "        second"]


def test_a_command_to_copy_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    command = "  evidence-api release explain " + "x" * 300
    output.say_unbroken(command)
    assert capsys.readouterr().out == command + "\n"
