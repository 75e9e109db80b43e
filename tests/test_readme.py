"""The README says what is true: its commands exist, its table of settings is the settings."""

import re
import shlex
from pathlib import Path
from typing import Any

import graphql
import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from evidence_api.cli import main
from evidence_api.graphql.schema import schema_text
from evidence_api.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
FENCES = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL = "\n".join(FENCES).replace("\\\n", " ")
DEFAULT_HOME = "~/.local/share/evidence-api"


def command_lines(program: str) -> list[list[str]]:
    lines = [line.split("#")[0] for line in SHELL.splitlines() if re.match(rf"(\S*/)?{re.escape(program)}\b", line)]
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.parametrize("words", command_lines("evidence-api"), ids=" ".join)
def test_every_command_line_names_commands_and_options_that_exist(words: list[str]) -> None:
    table = {command.name: command for command in main.COMMANDS}
    command: Any = main.load(table[words[0]])
    rest = words[1:]
    while getattr(command, "commands", None):
        inner = main._INNER.get(f"{words[0]} {rest[0]}")
        command = main.load(inner) if inner is not None else command.commands[rest[0]]
        rest = rest[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("-")} <= options


def test_every_command_is_in_the_table() -> None:
    for command in main.COMMANDS:
        assert f"| `evidence-api {command.name}` |" in README


@pytest.mark.parametrize("script", sorted(set(re.findall(r"^deploy/\w+", SHELL, re.MULTILINE))))
def test_every_script_is_there(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111


@pytest.mark.parametrize("query", re.findall(r"^```graphql\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
def test_every_query_fits_the_schema(query: str) -> None:
    assert graphql.validate(graphql.build_schema(schema_text()), graphql.parse(query)) == []


def settings_table() -> list[str]:
    """One row for each setting, as the README shows it."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default if field.default is not PydanticUndefined else DEFAULT_HOME
        shown = "" if default is None or isinstance(default, SecretStr) else f"`{default}`"
        meaning = (field.description or "").replace("<", "\\<")  # or Markdown takes it for a tag
        rows.append(f"| `EVIDENCE_{name.upper()}` | {shown} | {meaning} |")
    return rows


def test_the_settings_are_those_of_the_program() -> None:
    assert re.findall(r"^\| `EVIDENCE_\w+` \|.*$", README, re.MULTILINE) == settings_table()
