"""How many envelopes a second the append stores: `python -m tests.bench.append [--json]`.

Checked evidence of 4 KiB goes straight to the Appender (no HTTP, no verification), from submitters that each wait for
their receipt before they send the next. PostgreSQL is the embedded one with its usual settings: every batch is on disk
before it is acknowledged. The share of one core is the Python process's own CPU time.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from evidence_api.domain.evidence import Checked
from evidence_api.domain.merkle import Frontier
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import SystemClock
from evidence_api.store import tenants
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.store.migrate import migrate
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender, signed_checkpoint
from tests.support.checked import ADMITTED, TestSigner, checked, envelope_body, release

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


async def submit(appender: Appender, scope: TenantScope, given: Sequence[Checked], waits: list[float]) -> None:
    for one in given:
        start = time.perf_counter()
        await appender.append(scope, one, ADMITTED)
        waits.append(time.perf_counter() - start)


async def measure(folder: Path, submitters: int, total: int) -> dict[str, float]:
    """Rates of one run, after a warm-up of a tenth."""
    signer, clock = TestSigner(), SystemClock()
    with EmbeddedPostgres(folder) as postgres:
        postgres.create_database("bench")
        login = await migrate(postgres.dsn(database="bench"), _MIGRATIONS)
        database = await Database.open(login.app_dsn, login.owner_dsn)
        note = signed_checkpoint(signer, "bench/acme", Frontier())
        scope = await tenants.create(database, "acme", origin="bench/acme", checkpoint=note, at=clock.now())
        appender = Appender(database, signer, clock)
        await appender.append(scope, release("app", "artifact"), ADMITTED)
        given = [checked(f"{n}", subjects=(f"artifact {n % 500}",), body=envelope_body()) for n in range(total)]
        warm = total // 10
        await asyncio.gather(*(submit(appender, scope, given[n:warm:submitters], []) for n in range(submitters)))
        waits: list[float] = []
        start, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(
            *(submit(appender, scope, given[warm + n :: submitters], waits) for n in range(submitters))
        )
        seconds, own = time.perf_counter() - start, time.process_time() - cpu
        await appender.close()
        await database.close()
    return {
        "envelopes": len(waits),
        "envelopes_per_second": round(len(waits) / seconds),
        "python_us_per_envelope": round(own / len(waits) * 1e6, 1),
        "python_core_share": round(own / seconds, 2),
        "median_ms": round(median(waits) * 1e3, 2),
        "p99_ms": round(quantiles(waits, n=100)[98] * 1e3, 2),
    }


def main() -> None:
    """Run with 32 and 256 submitters; print a figure a line, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--envelopes", type=int, default=20_000)
    parser.add_argument("--submitters", type=int, nargs="*", default=[32, 256])
    options = parser.parse_args()
    results: dict[str, float] = {}
    for submitters in options.submitters:
        with tempfile.TemporaryDirectory() as folder:
            measured = asyncio.run(measure(Path(folder), submitters, options.envelopes))
        results.update({f"{name}_{submitters}": value for name, value in measured.items()})
    if options.json:
        print(json.dumps(results))  # noqa: T201  what the command is for
    else:
        for name, value in results.items():
            print(f"{value:>10} {name}")  # noqa: T201  the same


if __name__ == "__main__":
    main()
