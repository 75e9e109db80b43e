"""The sample release of the quickstart: this project itself, described by statements about what is really here.

Nothing is made up. What the project does not have stays absent: no model is called, no plugin used and nothing rolled
out (not applicable), and nobody reviewed rights, restored a backup or scanned for vulnerabilities (missing). One policy
decision is a denial, left so that a reader sees what failure looks like (fail). What the checks were to show is a
contract, held against what they showed: a decision that the server, and every reader of the pack, computes again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evidence_api
from evidence_api.engines.clock import Clock
from evidence_api.engines.installed import installed_packages
from evidence_api.use_cases import sample_statements as statements
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.sample_artifact import pack_artifact, read_source
from evidence_api.use_cases.sample_checks import Command, run_checks
from evidence_api.use_cases.sample_sbom import sbom_of
from evidence_api.use_cases.sample_statements import Json, Product

NAME = "evidence-api"
_SHORT = 12  # digits of a commit in a version


@dataclass(frozen=True, slots=True)
class Ask:
    """A question for one policy area, as a pipeline would put it."""

    area: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """The release `name@version` and its statements, each with a word for people."""

    name: str
    version: str
    statements: tuple[tuple[str, Json], ...]


async def describe(root: Path, checks: Sequence[Command], asks: Sequence[Ask], gate: Gate, clock: Clock) -> Sample:
    """Look at the project in `root` (the folder that holds the package) and say what is there."""
    started = clock.now()
    source = await read_source(root)
    tool_version = evidence_api.__version__
    version = f"{tool_version}+g{source.commit[:_SHORT]}" if source.commit else tool_version
    product = Product(NAME, version, tool_version, pack_artifact(root, f"{NAME}-{version}"), source)
    packed = clock.now()
    ran = await run_checks(checks, root, clock)
    bom = sbom_of(NAME, version, product.artifact, installed_packages(), clock.now())
    made: list[tuple[str, Json]] = [
        ("release", statements.release(product, clock.now())),
        ("provenance", statements.provenance(product, started, packed)),
        ("sbom", statements.sbom(product, bom)),
        ("checks", statements.checks_of_commit(product, ran, clock.now())),
    ]
    made += [(f"test-result {check.name}", statements.test_result(product, check)) for check in ran]
    made += [
        (f"sarif {check.name}", statements.static_analysis(product, check.report)) for check in ran if check.report
    ]
    made.append(("contract-result checks", statements.contract(product, ran, clock.now())))
    for ask in asks:
        decision = await gate.decide(ask.area, ask.input)
        made.append((f"policy-decision {ask.area}", statements.policy_decision(product, decision, clock.now())))
    return Sample(NAME, version, tuple(made))
