"""A tenant of many releases for benchmarks: the catalog it is held to, and the signed evidence of each release.

Eleven pieces of evidence of seven kinds for each release: two artifacts with provenance, an SBOM and two scans, and a
commit with two test runs, its checks and two policy decisions. Digests, signers, times and counts differ from release
to release as they would.
"""

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evidence_api.bootstrap import open_application
from evidence_api.engines.keys import EnvelopeSigner, NoteSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.settings import Settings
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.check import Trust, check_evidence
from tests.support import statements
from tests.support.checked import ADMITTED, sha256_of

_SUBMITTERS = 256
_SIGNERS = 3
_PRODUCTS = 100
NOW = datetime.now(UTC).replace(microsecond=0)

# Kind, condition and more of the queries controls are made of; {n} lets each control compare with a value of its own.
_QUERIES = (
    ("provenance", "builder != null && materials >= 1", ""),
    ("github_checks", "required==pass && failed <= {n}", ""),
    ("sbom", "components >= {n} && format==cyclonedx", ", per: subject"),
    ("vulns", "criticals == 0 && highs <= {n}", ", fresh: {{max_age: P{days}D}}"),
    ("test_result", "result==passed && passed >= {n}", ", per: occurrence"),
    ("opa", 'denies==0 && !(rule == "r{n}")', ", per: occurrence"),
    ("attest", "provenance==verified && sbom.criticals==0", ", per: subject"),
    ("sbom", "criticals == 0 || components < {n}", ", population: {{sample: {{size: 1, seed: release}}}}"),
    ("github_checks", "checks >= 1 && checks < {m}", ", fresh: {{max_age: P{days}D}}"),
    ("test_result", "failed <= {n}", ", expect: {{at_least: 2}}"),
    ("static_analysis", "errors == 0", ""),
)


def write_catalog(folder: Path, controls: int, *, edition: int) -> Path:
    """A catalog of so many controls, two queries each; another edition changes what one of them asks."""
    folder.mkdir(parents=True)
    listed = [_control(number, edition if number == 0 else 0) for number in range(controls)]
    (folder / "bench.yaml").write_text("---\n".join(listed))
    criteria = "\n".join(f"  - ref: C{number}\n    title: Criterion {number}" for number in range(40))
    (folder / "framework.yaml").write_text(
        f"framework: bench\ntitle: Bench\nedition: '1'\nlicence: ids-only\naliases: [BENCH]\ncriteria:\n{criteria}\n"
    )
    mapped = [
        f"external: BENCH-C{number}\nmaps_to: [{', '.join(f'B-{one}' for one in range(number, controls, 40))}]\n"
        f"narrative: 'The controls of criterion {number}'\n"
        for number in range(min(40, controls))
    ]
    (folder / "mapping.yaml").write_text("---\n".join(mapped))
    return folder


def _control(number: int, edition: int) -> str:
    queries = []
    for place in (0, 1):
        kind, where, more = _QUERIES[(number + place * (1 + number // len(_QUERIES))) % len(_QUERIES)]
        shape = {"n": number % 40 + edition, "m": 20 + number, "days": 20 + number % 30}
        queries.append(f"  - {{kind: {kind}, where: '{where.format(**shape)}'{more.format(**shape)}}}")
    return (
        f"id: B-{number}\ntitle: Control {number} of the benchmark\nseverity: high\nowner: bench\n"
        f"fix: Do what control {number} asks.\npassed_because: '{{n}} of {{population}}, signed by {{signers}}.'\n"
        "query:\n" + "\n".join(queries) + "\n"
    )


@dataclass(frozen=True)
class Release:
    """One release of a product, by number."""

    number: int

    @property
    def name(self) -> str:
        return f"product-{self.number % _PRODUCTS}"

    @property
    def version(self) -> str:
        return f"1.{self.number // _PRODUCTS}"

    @property
    def artifacts(self) -> list[str]:
        return [f"sha256:{sha256_of(f'artifact {self.number} {place}')}" for place in (0, 1)]

    @property
    def commit(self) -> str:
        return f"sha1:{sha256_of(f'commit {self.number}')[:40]}"

    def made_at(self, hours: float = 0) -> str:
        """When its evidence was made: over the last two months."""
        chosen = NOW - timedelta(minutes=37 * (self.number % 2300), hours=hours)
        return chosen.strftime("%Y-%m-%dT%H:%M:%SZ")


def statements_of(release: Release) -> Iterator[dict[str, Any]]:
    """The eleven statements about it; the counts vary from release to release."""
    chance = random.Random(release.number)  # noqa: S311  sizes, not secrets
    first, second = release.artifacts
    yield statements.release(release.artifacts, name=release.name, version=release.version)
    yield statements.provenance(release.artifacts, release.commit, finished=release.made_at(3))
    for artifact in (first, second):
        yield statements.sbom(artifact, components=chance.randint(5, 40), timestamp=release.made_at(3))
        highs = chance.choice((0, 0, 0, 1, 2, 5))
        yield statements.vulns(artifact, severities=["high"] * highs, finished=release.made_at(chance.randint(0, 2)))
    for suite in ("unit", "flows"):
        yield checks_of(release, "test_result", chance, suite)
    yield checks_of(release, "github_checks", chance)
    for rule in ("data.merge.allow", "data.deploy.allow"):
        yield checks_of(release, "opa", chance, rule)


def checks_of(release: Release, kind: str, chance: random.Random, name: str = "unit") -> dict[str, Any]:
    """A new statement about its commit."""
    at = release.made_at(-chance.random())
    match kind:
        case "test_result":
            passed = [f"test_{number}" for number in range(chance.randint(1, 60))]
            return statements.test_result(release.commit, passed=passed, configuration=f"{name}.yml")
        case "github_checks":
            return statements.github_checks(release.commit, conclusions=["success"] * chance.randint(1, 30), decided=at)
        case "vulns":
            highs = ["high"] * chance.randint(0, 4)
            return statements.vulns(release.artifacts[0], severities=highs, finished=at)
        case "sbom":
            return statements.sbom(release.artifacts[0], components=chance.randint(5, 40), timestamp=at)
        case _:
            return statements.policy_decision(release.commit, rule=name, decided=at)


def signers_of(folder: Path) -> list[EnvelopeSigner]:
    """The keys evidence is signed with, kept in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(_SIGNERS):
        path = folder / f"signer-{number}.pem"
        if not path.exists():
            path.write_bytes(EnvelopeSigner.generate(name=f"ci-{number}").to_pem())
        made.append(EnvelopeSigner.from_pem(path.read_bytes(), f"ci-{number}"))
    return made


def envelope(statement: dict[str, Any], signer: EnvelopeSigner) -> bytes:
    """Signed, as a CI job would send it."""
    return encode_envelope(signer.sign(IN_TOTO, json.dumps(statement).encode()))


async def seed(home: Path, tenant: str, signers: list[EnvelopeSigner], releases: int) -> None:
    """Check and append the evidence of so many releases, past HTTP; what is due then is struck off unassessed."""
    settings = Settings.from_environment(home=home, port=0)
    trust = Trust(keys=tuple(one.public_key for one in signers))
    async with open_application(settings) as application:
        scope = await application.tenancy.named(tenant)
        log_signer = NoteSigner.from_pem((home / "keys" / "log-key.pem").read_bytes())
        appender = Appender(application.database, log_signer, application.clock)
        made = (
            check_evidence(envelope(statement, signers[number % _SIGNERS]), trust)
            for number in range(releases)
            for statement in statements_of(Release(number))
        )

        async def submit() -> None:
            for one in made:
                await appender.append(scope, one, ADMITTED)

        await asyncio.gather(*(submit() for _ in range(_SUBMITTERS)))
        await appender.close()
        await application.indexer.sweep()
        async with application.database.operator(scope) as connection:
            await connection.execute("DELETE FROM due")
