"""The root of the command line: its table, its help, its exit codes, and what a light install can do."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer

from evidence_api.cli import main, output
from evidence_api.domain.errors import BadSignature, EngineTimeout, EvidenceError, InvalidSource, SourceFault

ROOT = Path(__file__).resolve().parents[2]
LIGHT = [command for command in main.COMMANDS if not command.extra]


def paths(command: object, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group below `command`, as the words that name it."""
    yield prefix
    for name, below in getattr(command, "commands", {}).items():
        yield from paths(below, (*prefix, name))


def every_command() -> list[tuple[str, ...]]:
    return [path for command in main.COMMANDS for path in paths(main.load(command), (command.name,))]


def test_help_of_every_command_reads(capsys: pytest.CaptureFixture[str]) -> None:
    commands = every_command()
    assert len(commands) > len(main.COMMANDS)
    for path in commands:
        assert main.main([*path, "--help"]) == output.OK, path
        shown = capsys.readouterr()
        assert "Usage:" in shown.out, path
        assert shown.err == "", path


def test_every_command_that_does_something_takes_json() -> None:
    def leaves(command: object, name: str) -> Iterator[tuple[str, Any]]:
        below = getattr(command, "commands", None)
        if not below:
            yield name, command
        for inner, one in (below or {}).items():
            yield from leaves(one, f"{name} {inner}")

    without = [
        name
        for command in main.COMMANDS
        for name, leaf in leaves(main.load(command), command.name)
        if not any("--json" in parameter.opts for parameter in leaf.params)
    ]
    assert without == []


def test_help_lists_every_command_and_loads_none() -> None:
    script = (
        "import sys; from evidence_api.cli.main import main; code = main(['--help']);"
        "print('LOADED', sorted(name for name in sys.modules if name.startswith('evidence_api.cli.')));"
        "print('HEAVY', [name for name in ('sigstore', 'httpx', 'asyncpg', 'weasyprint') if name in sys.modules]);"
        "sys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "LOADED ['evidence_api.cli.main', 'evidence_api.cli.output']" in ran.stdout
    assert "HEAVY []" in ran.stdout
    for command in main.COMMANDS:
        assert f" {command.name} " in ran.stdout


def run_without_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in a Python that has only the base requirements."""
    script = (
        "import sys\n"
        f"absent = set({sorted(server_modules())!r})\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in absent:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from evidence_api.cli.main import main\n"
        f"sys.exit(main({list(arguments)!r}))\n"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)


def server_modules() -> set[str]:
    """Top-level modules of packages that the pinned requirements have for the server and not for the base."""
    base, server = (pinned(f"deploy/requirements{suffix}.txt") for suffix in ("-verify", ""))
    return {
        module
        for module, distributions in packages_distributions().items()
        if {plain(name) for name in distributions} <= server - base
    }


def pinned(name: str) -> set[str]:
    return {plain(line.partition("==")[0]) for line in (ROOT / name).read_text().splitlines() if "==" in line}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("command", LIGHT, ids=lambda command: command.name)
def test_the_light_install_runs_what_needs_no_server(command: main.Command) -> None:
    ran = run_without_server(command.name, "--help")
    assert ran.returncode == output.OK, ran.stderr
    assert "Usage:" in ran.stdout


def test_a_missing_extra_is_named() -> None:
    ran = run_without_server("serve", "--json")
    assert ran.returncode == output.USAGE
    fault = orjson.loads(ran.stderr)["error"]
    assert fault["code"] == "extra_missing"
    assert fault["fields"]["install"] == "pip install evidence-api[server]"


def test_the_extras_named_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for command in main.COMMANDS:
        assert set(filter(None, command.extra.split(","))) <= set(extras)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (BadSignature("not these bytes"), output.NO),
        (InvalidSource([SourceFault("a.yaml", 3, 5, "unknown_kind", "no kind of that name", "sbom?")]), output.NO),
        (EngineTimeout("over a second", limit=1.0), output.UNDECIDED),
        (EvidenceError("a log entry", code="unsupported"), output.USAGE),
    ],
)
def test_a_failure_is_coded_lines_and_an_exit_code(
    fault: EvidenceError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for as_json in (False, True):
        with pytest.raises(typer.Exit) as left, output.edge(as_json=as_json):
            raise fault
        assert left.value.exit_code == code
    shown = capsys.readouterr()
    assert shown.out == ""
    lines, _, document = shown.err.partition("\n{")
    assert lines.startswith(f"error[{fault.code}]: ")
    assert orjson.loads("{" + document)["error"]["code"] == fault.code


def test_faults_in_sources_are_lines_an_editor_can_jump_to(capsys: pytest.CaptureFixture[str]) -> None:
    faults = [
        SourceFault("a.yaml", 3, 5, "unknown_kind", "no kind sbon", "sbom?"),
        SourceFault("b.yaml", 1, 1, "x", "y"),
    ]
    with pytest.raises(typer.Exit), output.edge(as_json=False):
        raise InvalidSource(faults)
    assert "a.yaml:3:5: unknown_kind: no kind sbon (sbom?)" in capsys.readouterr().err


def test_a_wrong_word_is_answered_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["sevre"]) == output.USAGE
    assert "error[usage]: No such command 'sevre'. Did you mean 'serve'?" in capsys.readouterr().err


def test_a_fault_of_our_own_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, output.edge(as_json=False):
        raise ZeroDivisionError("by zero")
    assert left.value.exit_code == output.UNDECIDED
    assert "error[internal]: ZeroDivisionError: by zero" in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, output.edge(as_json=False):
        (tmp_path / "absent").read_bytes()
    assert left.value.exit_code == output.USAGE
    assert "error[unreadable_file]" in capsys.readouterr().err


def test_tables_keep_every_character(capsys: pytest.CaptureFixture[str]) -> None:
    digest = "sha256:" + "a" * 64
    output.print_table(["id", "why"], [[digest, "[bold]as it is[/bold]"]])
    shown = capsys.readouterr().out
    assert digest in shown
    assert "[bold]as it is[/bold]" in shown


def test_json_of_what_the_domain_holds(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"rights": frozenset({"b", "a"}), "version": (1, 2)})
    assert orjson.loads(capsys.readouterr().out) == {"rights": ["a", "b"], "version": [1, 2]}
