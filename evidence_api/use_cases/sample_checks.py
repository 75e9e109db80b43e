"""The sample release, its checks: commands that really run here, each with what it was called and what it said.

Ruff and the import contracts are part of the development environment; where they are not installed they are
not run, and no statement speaks of them.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from evidence_api.domain.errors import EvidenceError
from evidence_api.engines.clock import Clock
from evidence_api.engines.commands import Ran, run
from evidence_api.use_cases.sample_statements import Check

_TIMEOUT = 120.0  # seconds; the slowest takes two
_BESIDE_PYTHON = Path(sys.executable).parent
_FUZZED = "500"  # inputs for each area: some seconds; the command itself makes twenty times as many
_TEXTS = frozenset({".py", ".yaml", ".rego", ".json", ".sql", ".md", ".html", ".css", ".js"})


@dataclass(frozen=True, slots=True)
class Command:
    """A check to run: its name, its command line, and how to read the names of its parts from its JSON.

    `also` are other names for what it looks for. With `sarif`, it writes a SARIF log to its standard output.
    """

    name: str
    line: tuple[str, ...]
    parts: Callable[[Any], tuple[list[str], list[str]]] | None = None
    also: tuple[str, ...] = ()
    sarif: bool = False


def commands(package: Path, controls: Path, policy: Path) -> tuple[Command, ...]:
    """What can be checked here; `package` is our own folder of Python files."""
    ours = (sys.executable, "-m", "evidence_api")
    schema, ruff, lint_imports = (
        package.parent / "schema.graphql",
        _BESIDE_PYTHON / "ruff",
        _BESIDE_PYTHON / "lint-imports",
    )
    always = (
        Command("compile", (sys.executable, "-m", "compileall", "-q", str(package))),
        Command("policy-test", (*ours, "policy", "test", str(policy), "--json"), _policy_tests),
        Command(
            "policy-fuzz",
            (*ours, "policy", "fuzz", "--policy", str(policy), "--cases", _FUZZED, "--seed", "1", "--json"),
            _fuzzed_areas,
        ),
        Command("catalog-check", (*ours, "catalog", "check", str(controls), "--json")),
        Command(
            "secret-scan",
            (*ours, "pii", "scan", "--policy", str(policy), "--json", *_texts(package, controls, policy)),
            _scanned_files,
            also=("pii-scan",),
        ),
    )
    if not (package.parent / "pyproject.toml").exists():
        return always
    in_a_checkout = {
        schema: Command("schema-check", (*ours, "schema", "check", str(schema), "--json")),
        ruff: Command("lint", (str(ruff), "check", "--no-cache", "--output-format", "sarif", str(package)), sarif=True),
        lint_imports: Command("import-contracts", (str(lint_imports), "--no-cache")),
    }
    return (*always, *(command for needed, command in in_a_checkout.items() if needed.exists()))


def _texts(*folders: Path) -> list[str]:
    """The text files of some folders, each once."""
    found = {path for folder in folders for path in folder.rglob("*") if path.suffix in _TEXTS and path.is_file()}
    return sorted(map(str, found))


async def run_checks(asked: Sequence[Command], cwd: Path, clock: Clock) -> tuple[Check, ...]:
    """Run them two at a time; a check that does not end in time, or cannot start, has failed."""
    turn = asyncio.Semaphore(2)

    async def one(command: Command) -> Check:
        async with turn:
            return await _run(command, cwd, clock)

    return tuple(await asyncio.gather(*map(one, asked)))


async def _run(command: Command, cwd: Path, clock: Clock) -> Check:
    try:
        ran = await run(command.line, cwd=cwd, timeout=_TIMEOUT)
    except (OSError, EvidenceError):
        return Check(command.name, passed=False, finished=clock.now(), also=command.also)
    passed, failed = _parts(command, ran)
    return Check(
        command.name,
        passed=ran.code == 0,
        finished=clock.now(),
        passed_parts=tuple(passed),
        failed_parts=tuple(failed),
        also=command.also,
        report=_report(ran, cwd) if command.sarif else None,
    )


def _parts(command: Command, ran: Ran) -> tuple[list[str], list[str]]:
    """The names of what passed and failed; without JSON that says so, the check is its own only part."""
    if command.parts is not None:
        try:
            return command.parts(orjson.loads(ran.stdout))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            pass  # it died before it could say: the check as a whole stands for its parts
    return ([command.name], []) if ran.code == 0 else ([], [command.name])


def _report(ran: Ran, root: Path) -> dict[str, Any] | None:
    """The SARIF log with the places of files told from `root`, which is nobody's business; None if it wrote none."""
    try:
        document = orjson.loads(ran.stdout.replace(f"{root.as_uri()}/".encode(), b""))
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _scanned_files(document: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401  a JSON document
    """How many files there were; only those with something that may not leave are named."""
    failed = [Path(one["file"]).name for one in document["files"] if not one["may_leave"]]
    passed = len(document["files"]) - len(failed)
    return [f"{passed} files without findings"] if passed else [], failed


def _fuzzed_areas(document: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401  a JSON document
    areas = document["areas"]
    return [one["area"] for one in areas if not one["findings"]], [one["area"] for one in areas if one["findings"]]


def _policy_tests(document: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401  a JSON document
    tests = document["tests"]
    return [one["rule"] for one in tests if one["passed"]], [one["rule"] for one in tests if not one["passed"]]
