"""`evidence-api policy fuzz`: hunts for inputs that a policy area allows though it must not, and prints the smallest.

Needs neither server nor database. What is found can be asked again with the command printed beside it.
"""

import asyncio
import random
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from evidence_api.cli import output
from evidence_api.engines.files import shipped
from evidence_api.engines.rego import RegoPool
from evidence_api.use_cases.policies import read_policy
from evidence_api.use_cases.policy_areas import PolicyArea, chosen, read_areas
from evidence_api.use_cases.policy_fuzz import Finding, Hunt, Plan, fuzz

_MAX_CASES = 10_000_000


def fuzz_areas(
    areas: Annotated[list[str] | None, typer.Argument(metavar="[AREA]...", help="Areas; all if left out.")] = None,
    *,
    policy: Annotated[Path | None, typer.Option(help="Folder of policies; the shipped ones if left out.")] = None,
    cases: Annotated[int, typer.Option(min=1, max=_MAX_CASES, help="Inputs for each area.")] = 10_000,
    seed: Annotated[int | None, typer.Option(min=0, help="To hunt the same way again; by chance if left out.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make inputs from each area's input.schema.json and hunt for those it allows though its invariants
    (<area>_invariant.rego) forbid them, and for answers that are no decision. Exit code 1 when there is one."""
    # Every input is made from the seed, so it is all one needs to see a find again; it guards nothing.
    start = random.randrange(2**32) if seed is None else seed  # noqa: S311  said above
    folder = policy if policy is not None else shipped("policy")
    wanted = chosen(read_areas(read_policy(folder)), tuple(areas or ()))
    with output.progress("asking", cases * len(wanted), quiet=json) as told:
        hunts = asyncio.run(_fuzz(wanted, Plan(cases, start), told))
    found = sum(len(hunt.findings) for hunt in hunts)
    if json:
        output.print_json({"seed": start, "found": found, "areas": [_shown(hunt, policy) for hunt in hunts]})
    else:
        _print(hunts, policy)
        output.say(f"{found} found with --seed {start} --cases {cases}")
    if found:
        raise typer.Exit(output.NO)


async def _fuzz(areas: tuple[PolicyArea, ...], plan: Plan, told: Callable[[int], None]) -> list[Hunt]:
    async with RegoPool() as rego:
        return [await fuzz(rego, area, plan, told) for area in areas]


def _command(finding: Finding, policy: Path | None) -> str:
    """What to type to ask again."""
    command = ["evidence-api", "policy", "eval", finding.area, "--input", "-"]
    if policy is not None:
        command += ["--policy", str(policy)]
    if finding.settings is not None:
        command += ["--data", orjson.dumps(finding.settings).decode()]
    return f"printf %s {shlex.quote(orjson.dumps(finding.input).decode())} | {shlex.join(command)}"


def _shown(hunt: Hunt, policy: Path | None) -> dict[str, Any]:
    return {
        "area": hunt.area,
        "asked": hunt.asked,
        "allowed": hunt.allowed,
        "rules": hunt.rules,
        "findings": [
            {
                "kind": finding.kind,
                "reasons": finding.reasons,
                "input": finding.input,
                "data": finding.settings,
                "command": _command(finding, policy),
            }
            for finding in hunt.findings
        ],
    }


def _print(hunts: list[Hunt], policy: Path | None) -> None:
    output.print_table(
        ("area", "inputs", "allowed", "rules fired", "found"),
        [(hunt.area, hunt.asked, hunt.allowed, len(hunt.rules), len(hunt.findings)) for hunt in hunts],
    )
    for hunt in hunts:
        for finding in hunt.findings:
            output.say(f"{finding.kind} in {finding.area}: {'; '.join(finding.reasons)}")
            output.print_document(f"  {_command(finding, policy)}".encode())  # unbroken: it is to be copied
