"""Reading SBOMs: time and peak memory of parsing, validating and reading into facts, in a process of its own each.

    python -m tests.bench.sboms [--json] [--megabytes N …] [--components N]

For each format the sizes in megabytes with every field there is, and the number of components with the least fields.
Peak memory is that of the whole process, the document's bytes among it; the base is what it takes before reading.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from evidence_api.formats.predicates.sbom import normalised_sbom
from evidence_api.formats.sboms import WRAPPED_TYPE, read_sbom
from tests.support import sboms
from tests.support.memory import peak_mebibytes

FORMATS: Mapping[str, tuple[str, Callable[..., bytes]]] = {
    "cyclonedx_json": ("https://cyclonedx.org/bom", sboms.cyclonedx_json),
    "cyclonedx_xml": (WRAPPED_TYPE, sboms.cyclonedx_xml),
    "spdx_json": ("https://spdx.dev/Document", sboms.spdx_json),
}
SAMPLE = 1_000  # components from which the size of one is taken


def read_once(name: str, size: str) -> dict[str, float]:
    """In this process: `size` is "2MB" or a number of components."""
    predicate_type, make = FORMATS[name]
    read_sbom(predicate_type, make(1))  # schemas compiled beforehand, as in a server
    if size.endswith("MB"):
        body = make(int(float(size[:-2]) * 1e6 * SAMPLE / len(make(SAMPLE))))
    else:
        body = make(int(size), full=False)
    base, wall, processor = peak_mebibytes(), time.perf_counter(), time.process_time()
    facts = normalised_sbom(read_sbom(predicate_type, body)).facts
    return {
        "components": float(str(facts["components"])),
        "seconds": round(time.perf_counter() - wall, 3),
        "processor_seconds": round(time.process_time() - processor, 3),
        "base_mib": base,
        "peak_mib": peak_mebibytes(),
    }


def measure(sizes: list[str]) -> dict[str, float]:
    """Each format and size in its own process."""
    figures: dict[str, float] = {}
    for name in FORMATS:
        for size in sizes:
            run = [sys.executable, "-m", "tests.bench.sboms", "--one", name, size]
            one = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)
            figures |= {f"{name}_{size}_{figure}": value for figure, value in one.items()}
    return figures


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--megabytes", type=float, nargs="*", default=[2, 50])
    parser.add_argument("--components", type=int, default=300_000)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        figures = read_once(*asked.one)
    else:
        figures = measure([*(f"{size:g}MB" for size in asked.megabytes), str(asked.components)])
    if asked.json or asked.one:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.writelines(f"{name:42} {value}\n" for name, value in figures.items())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
