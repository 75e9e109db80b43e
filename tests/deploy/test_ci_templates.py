"""The job templates are YAML that says what its CI system reads, and every command in them is one that exists."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from evidence_api.cli import main

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "ci"
TEMPLATES = sorted(FOLDER.glob("*.yml"))
COMMANDS = {command.name: command for command in main.COMMANDS}
MENTIONED = re.compile(r"^# +evidence-api (\w+) (\w+)", re.MULTILINE)


def scripts(value: Any) -> Iterator[str]:  # noqa: ANN401  any YAML
    """Every shell text: GitHub's `run`, GitLab's `script` and `before_script`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"run", "script", "before_script"}:
                yield from [inner] if isinstance(inner, str) else inner
            else:
                yield from scripts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from scripts(inner)


def commands(template: Path) -> list[list[str]]:
    """The words of every evidence-api command, the shell's list of subjects being one --subject."""
    found = []
    for script in scripts(yaml.safe_load(template.read_text())):
        for line in script.splitlines():
            if line.strip().startswith("evidence-api "):
                plain = (
                    line.partition(" > ")[0].replace('"${subjects[@]}"', "--subject x").replace('"$@"', "--subject x")
                )
                found.append(shlex.split(plain)[1:])
    return found


def test_there_is_a_template_for_each() -> None:
    assert [template.name for template in TEMPLATES] == ["github.yml", "gitlab.yml"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_command_is_understood(template: Path) -> None:
    understood = []
    for name, *words in commands(template):
        context = main.load(COMMANDS[name]).make_context(name, list(words))
        understood.append((name, context.params.get("predicate_type") or context.params.get("kind") or ""))
    assert understood == [
        ("attest", "sbom"),
        ("attest", "junit"),
        ("attest", "urn:evidence-api:release:v1"),
        ("submit", ""),
    ]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_what_the_comments_tell_an_operator_to_run_exists(template: Path) -> None:
    mentioned = MENTIONED.findall(template.read_text())
    assert mentioned == [("trust", "add")]
    for group, name in mentioned:
        assert name in main.load(COMMANDS[group]).commands


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_secret_and_no_more_rights_than_needed(template: Path) -> None:
    document = yaml.safe_load(template.read_text())
    text = template.read_text()
    assert "secrets." not in text
    assert "--token " not in text
    if template.name == "github.yml":
        assert document["permissions"] == {"contents": "read"}
        assert document["jobs"]["evidence"]["permissions"] == {"contents": "read", "id-token": "write"}
    else:
        tokens = document["evidence"]["id_tokens"]
        assert tokens["SIGSTORE_ID_TOKEN"] == {"aud": "sigstore"}
        assert tokens["EVIDENCE_ID_TOKEN"] == {"aud": "${EVIDENCE_SERVER}/${EVIDENCE_TENANT}"}
