"""Evaluating a catalog for one release: 200 controls of two queries, ten rows a kind.

    python -m tests.bench.catalog [--json] [--controls N] [--rounds N]

Times the whole way of use_cases/evaluate.py: building the input, the engine in its own process, folding.
No two controls compare with the same value, so nothing is shared between them that a real catalog would share.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

import orjson

from evidence_api.domain.assessment import Outcome, assessment_input, fold
from evidence_api.domain.control import Catalog
from evidence_api.domain.evidence import Fact, Release
from evidence_api.domain.facts import Row
from evidence_api.engines.rego import RegoPool
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.use_cases.evaluate import VERDICTS, assess_release, catalog_bundle

AT = datetime(2026, 9, 1, tzinfo=UTC)
DIGESTS = tuple(f"sha256:{number:064x}" for number in range(10))
RELEASE = Release("sha256:" + "f" * 64, "bench", "1.0", DIGESTS, 0)
LIMIT_MS = 50.0
FACTS: dict[str, dict[str, Fact]] = {
    "github_checks": {"required": "pass", "checks": 12, "failed": 0, "required_checks": 5},
    "opa": {"denies": 0, "result": "allow", "rule": "data.x.allow"},
    "attest": {"provenance": "verified", "sbom.present": True, "sbom.criticals": 0, "vulns.highs": 1},
    "vulns": {"criticals": 0, "highs": 2, "scanner": "scan"},
    "sbom": {"components": 200, "format": "cyclonedx", "with_purl": 180},
}
CONDITIONS = (
    ("github_checks", "required==pass && checks >= {n}", "opa", "denies <= {n} || rule == r{n}"),
    ("attest", "provenance==verified && sbom.criticals <= {n}", "vulns", "highs < {n} && !(scanner == s{n})"),
    ("sbom", "components >= {n} && format == cyclonedx", "attest", "sbom.present && vulns.highs <= {n}"),
)


def catalog(controls: int) -> Catalog:
    """A catalog in which every condition is one of its own."""
    documents = []
    for number in range(controls):
        first, where, second, other = CONDITIONS[number % len(CONDITIONS)]
        documents.append(
            f"id: C-{number}\nquery:\n"
            f"  - {{kind: {first}, where: '{where.format(n=number)}', per: occurrence}}\n"
            f"  - {{kind: {second}, where: '{other.format(n=number)}', fresh: {{max_age: P{30 + number % 5}D}}}}\n"
        )
    return load_catalog({"bench.yaml": "---\n".join(documents)})


def rows(count: int) -> tuple[Row, ...]:
    """`count` rows of each kind."""
    return tuple(
        Row(
            kind=kind,
            evidence=(f"sha256:{position * 100 + number:064x}",),
            subjects=(DIGESTS[number % len(DIGESTS)],),
            facts=facts,
            signer=f"key signer-{number % 3}",
            verified=True,
            predicate_type="urn:bench",
            effective=AT - timedelta(days=number),
            collected=None,
            received=AT,
        )
        for position, (kind, facts) in enumerate(FACTS.items())
        for number in range(count)
    )


async def measure(controls: int, rounds: int) -> dict[str, float | int]:
    """Milliseconds, medians of `rounds`: in all, and of each part."""
    catalog_ = catalog(controls)
    compile_catalog.cache_clear()  # loading has compiled it already
    started = time.perf_counter()
    bundle = catalog_bundle(catalog_)
    compiled = (time.perf_counter() - started) * 1e3
    given = rows(10)
    parts: dict[str, list[float]] = {"total": [], "input": [], "engine": [], "fold": []}
    async with RegoPool() as rego:
        first = await assess_release(rego, catalog_, None, RELEASE, given, tree_size=1, at=AT)
        decided = first.counts[Outcome.PASS] + first.counts[Outcome.FAIL]
        for _ in range(rounds):
            marks = [time.perf_counter()]
            await assess_release(rego, catalog_, None, RELEASE, given, tree_size=1, at=AT)
            marks.append(time.perf_counter())
            document = orjson.dumps(assessment_input(catalog_, RELEASE, given, AT))
            marks.append(time.perf_counter())
            answer = orjson.loads(await rego.evaluate(bundle, VERDICTS, document) or b"{}")
            marks.append(time.perf_counter())
            fold(catalog_, RELEASE, given, answer, tree_size=1, at=AT, policy_digest=bundle.digest)
            marks.append(time.perf_counter())
            for name, start, end in zip(parts, marks, marks[1:], strict=False):
                parts[name].append((end - start) * 1e3)
    medians = {f"{name}_ms": round(statistics.median(times), 2) for name, times in parts.items()}
    return {
        "controls": controls,
        "rows": len(given),
        "decided": decided,
        "compile_once_ms": round(compiled, 2),
        **medians,
    }


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--controls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=25)
    asked = parser.parse_args()
    figures = asyncio.run(measure(asked.controls, asked.rounds)) | {"limit_ms": LIMIT_MS}
    if asked.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.writelines(f"{name:16} {value}\n" for name, value in figures.items())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
