"""Deriving: processor seconds of the advisory index, the drift between two large SBOMs, and the dependency debt.

    python -m tests.bench.drift [--components N] [--advisories N] [--json]

Both sides have N components of five ecosystems, of which some 4 % changed; the advisories name twice as many packages.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from evidence_api.domain.advisory import Advisory, AffectedPackage, AffectedRange, RangeEvent
from evidence_api.domain.digest import canonical
from evidence_api.domain.drift import Inventory
from evidence_api.domain.sbom import SbomComponent
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.dependency_debt import debt_predicate, derive_debt
from evidence_api.formats.drift_predicate import drift_predicate
from evidence_api.formats.sbom_drift import derive_drift
from tests.support.drifts import NOW, evidence_id, sbom
from tests.support.memory import peak_mebibytes

T = TypeVar("T")

SHAPES = (
    ("npm", "pkg:npm/lib{0}@{1}", "lib{0}"),
    ("PyPI", "pkg:pypi/lib{0}@{1}", "lib{0}"),
    ("Maven", "pkg:maven/org.example/lib{0}@{1}", "org.example:lib{0}"),
    ("Go", "pkg:golang/example.org/lib{0}@v{1}", "example.org/lib{0}"),
    ("Debian", "pkg:deb/debian/lib{0}@{1}-1?arch=amd64&distro=debian-12", "lib{0}"),
)
LICENCES = ("MIT", "Apache-2.0", "MIT OR Apache-2.0", "LGPL-2.1-only")


def release(name: str, components: int, seed: int) -> Inventory:
    """One SBOM; every version of a component depends on its seed alone."""
    odd = random.Random(seed)  # noqa: S311  sizes, not secrets
    listed = []
    for number in range(components):
        version = f"1.{number % 7}.{number % 11 + (odd.random() < 0.02)}"
        purl = SHAPES[number % 5][1].format(number, version)
        hashes = (f"sha256:{number:064x}",)
        listed.append(SbomComponent(f"ref{number}", f"lib{number}", version, purl, "", hashes, LICENCES[number % 4]))
    edges = tuple((f"ref{number}", f"ref{number // 2}") for number in range(1, components))
    return Inventory(((evidence_id(name), sbom(*listed, edges=edges)),))


def advisory(number: int, packages: int) -> Advisory:
    """A fix somewhere among the versions there are."""
    package = number * 7919 % (2 * packages)
    ecosystem, _, name = SHAPES[package % 5]
    fixed = f"1.{number % 7}.{number % 11}"
    events = (RangeEvent("introduced", "0"), RangeEvent("fixed", fixed))
    affected = AffectedPackage(ecosystem, name.format(package), ranges=(AffectedRange("ECOSYSTEM", events),))
    severity = ("critical", "high", "medium", "low", None)[number % 5]
    return Advisory(f"GHSA-{number}", NOW, aliases=(f"CVE-{number}",), severity=severity, affected=(affected,))


def timed(figures: dict[str, float], name: str, work: Callable[[], T]) -> T:
    """Do the work, and note what processor time it took."""
    begun = time.process_time()
    result = work()
    figures[f"{name}_seconds"] = round(time.process_time() - begun, 3)
    return result


def measure(components: int, advisories: int) -> dict[str, float]:
    """All figures of one run."""
    figures: dict[str, float] = {"components": components, "advisories": advisories}
    before, after = release("before", components, 1), release("after", components, 2)
    records = [advisory(number, components) for number in range(advisories)]
    figures["made_mib"] = peak_mebibytes()
    index = timed(figures, "index", lambda: AdvisoryIndex(records))
    drift = timed(figures, "drift", lambda: derive_drift(before, after, advisories=index))
    figures["vulnerabilities"] = len(drift.vulnerabilities)
    figures["predicate_bytes"] = len(timed(figures, "predicate", lambda: canonical(drift_predicate(drift))))
    timed(figures, "debt", lambda: canonical(debt_predicate(derive_debt(after, drift))))
    figures["peak_mib"] = peak_mebibytes()
    return figures


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--components", type=int, default=300_000)
    parser.add_argument("--advisories", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = measure(chosen.components, chosen.advisories)
    lines = [f"{name:20} {value:>12,}" for name, value in figures.items()]
    print(json.dumps(figures) if chosen.json else "\n".join(lines))  # noqa: T201  what a benchmark is for
    return 0


if __name__ == "__main__":
    sys.exit(main())
