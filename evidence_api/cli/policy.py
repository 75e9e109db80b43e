"""`evidence-api policy`: tests Rego policies, checks that they load, names them, and asks them a question.

Works on the policies shipped, or on a folder; needs neither server nor database. Every evaluation runs
under the server's own limits.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from evidence_api.cli import output
from evidence_api.cli.ask import ask
from evidence_api.cli.policy_fuzz import fuzz_areas
from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.engines.files import shipped
from evidence_api.engines.rego import RegoPool
from evidence_api.formats import rego_coverage
from evidence_api.formats.policy_bundle import PolicyBundle, bundle_from_files
from evidence_api.formats.rego_coverage import Coverage
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.policies import TestResult, cover_policy_tests, load_policy, read_policy, run_policy_tests
from evidence_api.use_cases.policy_areas import with_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Test Rego policies, ask them for a decision.")
app.command("ask")(ask)

app.command("fuzz")(fuzz_areas)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Folder = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="Folder of policies; the shipped ones if left out.")
]


@app.command("test")
def run_tests(
    directory: Folder = None,
    *,
    coverage: Annotated[bool, typer.Option("--coverage", help="Show the lines and denial rules tests reach.")] = False,
    fail_under: Annotated[float, typer.Option(min=0, max=100, help="Least percentage of lines; for --coverage.")] = 0,
    json: AsJson = False,
) -> None:
    """Run every test_ rule of every *_test.rego file. Exit code 1 when one does not give true; with --coverage, also
    when no test makes a denial rule fire, or too few lines are reached."""
    results, reached = asyncio.run(_run_tests(_folder(directory), coverage=coverage or fail_under > 0))
    failed = sum(not result.passed for result in results)
    if json:
        counts: dict[str, Any] = {"passed": len(results) - failed, "failed": failed}
        covered = {} if reached is None else {"coverage": rego_coverage.shown(reached)}
        output.print_json(counts | {"tests": [_shown(result) for result in results]} | covered)
    else:
        _print_results(results)
        output.say(f"{len(results) - failed} passed, {failed} failed")
        if reached is not None:
            _print_coverage(reached)
    lacking = reached is not None and bool(reached.never_fired or reached.percent < fail_under)
    if failed or lacking:
        raise typer.Exit(output.NO)


@app.command("check")
def check(directory: Folder = None, *, json: AsJson = False) -> None:
    """Load a folder as the server would, tests included, and name every fault with file, line and column."""
    bundle = asyncio.run(_check(_folder(directory)))
    if json:
        output.print_json({"digest": bundle.digest, "modules": sorted(bundle.modules), "faults": []})
    else:
        output.say(f"{len(bundle.modules)} modules load: {bundle.digest}")


@app.command("digest")
def digest(directory: Folder = None, *, json: AsJson = False) -> None:
    """Print the digest by which decisions name this policy bundle (tests are no part of it)."""
    bundle = bundle_from_files(read_policy(_folder(directory)))
    if json:
        output.print_json({"digest": bundle.digest, "modules": sorted(bundle.modules)})
    else:
        output.say(bundle.digest)


@app.command("eval")
def evaluate(
    area: Annotated[str, typer.Argument(help="Policy area: admission, authorisation, model_call …")],
    *,
    input_: Annotated[Path, typer.Option("--input", "-i", help="JSON file with the input; - is standard input.")],
    policy: Annotated[Path | None, typer.Option(help="Folder of policies; the shipped ones if left out.")] = None,
    data: Annotated[str, typer.Option(help="JSON to take in the place of the area's part of data.yaml.")] = "",
    json: AsJson = False,
) -> None:
    """Ask one area for its decision on an input. Exit code 1 when it denies."""
    settings = _json("--data", data.encode()) if data else None
    decision = asyncio.run(_decide(_folder(policy), area, _object(input_), settings))
    if json:
        output.print_json(
            {
                "id": decision.id,
                "area": decision.area,
                "allow": decision.allow,
                "rules": decision.rules,
                "reasons": decision.reasons,
                "input_digest": decision.input_digest,
                "policy_digest": decision.policy_digest,
            }
        )
    else:
        output.say("allow" if decision.allow else "deny")
        for line in (*decision.rules, *decision.reasons):
            output.say(f"  {line}")
    if not decision.allow:
        raise typer.Exit(output.NO)


@app.command("telemetry")
def telemetry(json: AsJson = False) -> None:
    """Write the weekly tuning pack: what rules allowed and denied, the noisy ones, those that never fired."""
    # A line of the help alone: cli/main.py runs cli/policy_telemetry.py in its place, with the server's packages.


def _folder(given: Path | None) -> Path:
    return given if given is not None else shipped("policy")


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for -. Raises InvalidSource."""
    value = _json(str(path), sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes())
    if not isinstance(value, dict):
        raise InvalidSource([SourceFault(str(path), 1, 1, "input", "a policy input is a JSON object")])
    return value


def _json(source: str, text: bytes) -> Any:  # noqa: ANN401  any JSON value
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise InvalidSource([SourceFault(source, fault.lineno, fault.colno, "syntax", fault.msg)]) from fault


async def _run_tests(folder: Path, *, coverage: bool) -> tuple[Sequence[TestResult], Coverage | None]:
    async with RegoPool() as rego:
        if coverage:
            return await cover_policy_tests(rego, read_policy(folder))
        return await run_policy_tests(rego, read_policy(folder)), None


async def _check(folder: Path) -> PolicyBundle:
    async with RegoPool() as rego:
        await rego.check(bundle_from_files(read_policy(folder), tests=True))
        return await load_policy(rego, folder)


async def _decide(folder: Path, area: str, asked: dict[str, Any], settings: object) -> Decision:
    async with RegoPool() as rego:
        bundle = await load_policy(rego, folder)
        asked_of = bundle if settings is None else with_settings(bundle, area, settings)
        return await Gate(rego, asked_of).decide(area, asked)


def _shown(result: TestResult) -> dict[str, Any]:
    return {
        "file": result.rule.file,
        "line": result.rule.line,
        "rule": result.rule.path,
        "passed": result.passed,
        "because": result.because,
    }


def _print_results(results: Sequence[TestResult]) -> None:
    """One line a file, then one line a test that failed."""
    total = Counter(result.rule.file for result in results)
    passed = Counter(result.rule.file for result in results if result.passed)
    output.print_table(
        ("file", "tests", "passed", "failed"),
        [(file, total[file], passed[file], total[file] - passed[file]) for file in sorted(total)],
    )
    for result in results:
        if not result.passed:
            output.say(f"{result.rule.file}:{result.rule.line}: {result.rule.name}: {result.because}")


def _print_coverage(reached: Coverage) -> None:
    """One line a module with the lines no test reached, then one line a denial rule that none made fire."""
    output.print_table(
        ("module", "lines", "covered", "not reached"),
        [
            (
                one.file,
                len(one.covered) + len(one.not_covered),
                f"{one.percent:.0f} %",
                ", ".join(map(str, one.not_covered)),
            )
            for one in reached.files
        ],
    )
    for rule in reached.never_fired:
        output.say(f"{rule.file}:{rule.line}: {rule.rule}: no test makes it fire")
    fired = len(reached.rules) - len(reached.never_fired)
    output.say(f"{reached.percent:.1f} % of lines; {fired} of {len(reached.rules)} denial rules fire")
