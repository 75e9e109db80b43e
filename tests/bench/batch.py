"""A batch of 1,000 envelopes against its two irreducible steps: `python -m tests.bench.batch --json`.

In one run and in turns, with the same number of new envelopes of 4 KiB signed with ECDSA P-256:
  steps   in one process, back to back: verify each signature (of envelopes that were parsed before), then COPY the rows
          as they are stored into a table with one key and no row-level security, and wait until they are on disk
  many    `Ingest.accept_many`, every receipt proved
  http    the same as one POST of JSON Lines, answered with 1,000 receipts
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import uvloop

from evidence_api.bootstrap import Application, open_application
from evidence_api.cli.serving import serving
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.principal import Principal
from evidence_api.domain.verification import Verified
from evidence_api.engines.keys import EnvelopeSigner, verify_envelope
from evidence_api.formats.upload import EnvelopeUpload, recognise
from evidence_api.settings import Settings
from evidence_api.store.batch import prepare
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.use_cases.check import Trust, check_evidence
from tests.bench._figures import parser_of, show
from tests.bench.ingest import envelope_of

_TABLE = (
    "CREATE TABLE copied (id bytea PRIMARY KEY, leaf bytea, leaf_hash bytea, received timestamptz, kind text, "
    "predicate_type text, media_type text, body_digest bytea, body_size integer, encoding text, content bytea, "
    "status text, signer text, verification jsonb, facts jsonb, effective timestamptz, collected timestamptz, "
    "series text, sources text, decision_id text, due_kind text);"
    "ALTER TABLE copied ALTER COLUMN content SET STORAGE EXTERNAL"
)


async def steps(connection: "asyncpg.Connection[asyncpg.Record]", trust: Trust, bodies: Sequence[bytes]) -> float:
    """Seconds of the two steps."""
    now = datetime.now(UTC)
    rows = [prepare(check_evidence(body, trust), now, "sha256:0").row for body in bodies]
    envelopes = [upload.envelope for body in bodies if isinstance(upload := recognise(body), EnvelopeUpload)]
    begun = time.perf_counter()
    results = [verify_envelope(envelope, trust.keys) for envelope in envelopes]
    await connection.copy_records_to_table("copied", records=rows)
    seconds = time.perf_counter() - begun
    if len(results) != len(bodies) or not all(isinstance(one, Verified) for one in results):
        raise SystemExit("a signature did not verify")
    return seconds


async def many(application: Application, principal: Principal, bodies: Sequence[bytes]) -> float:
    """Seconds of `accept_many`."""
    begun = time.perf_counter()
    answers = await application.ingest.accept_many(principal, bodies)
    seconds = time.perf_counter() - begun
    if not all(isinstance(answer, Receipt) and answer.created for answer in answers):
        raise SystemExit(f"not all were taken: {[one for one in answers if not isinstance(one, Receipt)][:3]}")
    return seconds


async def over_http(client: httpx.AsyncClient, bodies: Sequence[bytes]) -> float:
    """Seconds of one request."""
    content = b"\n".join(bodies)
    begun = time.perf_counter()
    answer = await client.post("/v1/evidence", content=content)
    seconds = time.perf_counter() - begun
    lines = [json.loads(line) for line in answer.text.splitlines()]
    if answer.status_code != httpx.codes.OK or {line["status"] for line in lines} != {httpx.codes.CREATED}:
        raise SystemExit(f"not all were taken: {answer.status_code} {answer.text[:500]}")
    return seconds


async def measure(home: Path, envelopes: int, rounds: int) -> dict[str, object]:
    """Run the rounds in turns; the first warms up and does not count."""
    signer = EnvelopeSigner.generate("ecdsa-p256")
    count = iter(range(10**9))
    seconds: dict[str, list[float]] = {"steps": [], "many": [], "http": []}
    async with (
        open_application(Settings.from_environment(home=home, port=0)) as application,
        serving(application) as server,
    ):
        scope = await application.tenancy.create("bench")
        await application.tenancy.add_key(scope, signer.public_key.pem.encode(), "bench")
        made = await application.tenancy.create_token(scope, "bench", ["evidence:write"], None)
        principal = await application.access.authenticate(made.token)
        headers = {"Authorization": f"Bearer {made.token}", "Content-Type": "application/x-ndjson"}
        with EmbeddedPostgres(home) as postgres:
            connection = await asyncpg.connect(postgres.dsn(database="evidence"))
            await connection.execute(_TABLE)
            async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
                for number in range(rounds + 1):
                    parts = [[envelope_of(signer, next(count)) for _ in range(envelopes)] for _ in seconds]
                    took = (
                        await steps(connection, Trust((signer.public_key,)), parts[0]),
                        await many(application, principal, parts[1]),
                        await over_http(client, parts[2]),
                    )
                    for name, one in zip(seconds, took, strict=True):
                        if number:
                            seconds[name].append(one)
            await connection.close()
    rates = {name: envelopes / statistics.median(took) for name, took in seconds.items()}
    return {
        "envelopes": envelopes,
        **{f"{name}_per_second": round(rate) for name, rate in rates.items()},
        "ratio": round(rates["many"] / rates["steps"], 3),
        "ratio_over_http": round(rates["http"] / rates["steps"], 3),
    }


def main() -> None:
    """Print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--envelopes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(measure(Path(folder), asked.envelopes, asked.rounds))
    show(figures, as_json=asked.json)


if __name__ == "__main__":
    main()
