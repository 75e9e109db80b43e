"""How much of a bare endpoint's rate ingest keeps: `python -m tests.bench.ingest --json`.

One server process (one worker), its embedded PostgreSQL, and a client with 32 connections, in one run and
in turns: an endpoint of the same server that only reads the body and answers 201, and `POST /v1/evidence`
with DSSE envelopes of 4 KiB signed with ECDSA P-256. Every envelope is new, so every answer is a durable append.

Client and server share the machine, so the ratio depends on what a client costs. `ratio` is with the lightest one that
could be made: the server is nearly all there is to measure. `ratio_with_httpx_clients` is with 32 of the clients that
`evidence-api submit` uses, which cost more than the server does.
"""

import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import encode_envelope
from evidence_api.web.requests import CREATED
from tests.bench._figures import parser_of, show
from tests.bench._server import bench_server
from tests.support import cpu, http_load, statements

CONNECTIONS = 32
_HTTPX_ROUNDS = 4
_TESTS = 37  # names in the statement, so that the envelope has about 4 KiB

_NAMES = list(
    itertools.product(
        ("orders", "billing", "search", "accounts"),
        ("keeps", "refuses", "returns", "counts"),
        ("an_empty_list", "the_last_page", "two_currencies", "a_closed_session"),
    )
)


def envelope_of(signer: EnvelopeSigner, number: int) -> bytes:
    """The result of a test run on its own artifact, as a CI job would send it: an envelope of about 4 KiB."""
    passed = [
        f"tests/{area}/test_{area}.py::test_{verb}_{what}[{number % 97}-{turn}]"
        for turn, (area, verb, what) in enumerate(itertools.islice(_NAMES, _TESTS))
    ]
    statement = statements.test_result(f"sha256:{number:064x}", passed=passed)
    return encode_envelope(signer.sign("application/vnd.in-toto+json", json.dumps(statement).encode()))


def measure(requests: int, rounds: int) -> dict[str, object]:
    """Run the rounds in turns; rates are answers a second, the ratio is of their medians."""
    signer = EnvelopeSigner.generate("ecdsa-p256")
    bodies = [envelope_of(signer, number) for number in range(requests * (rounds + 1))]
    spare = [envelope_of(signer, len(bodies) + number) for number in range(_HTTPX_ROUNDS * max(requests // 4, 1))]
    with tempfile.TemporaryDirectory() as folder, bench_server(Path(folder), signer.public_key.pem) as server:
        watched = {"server": server.pid, "postgresql": server.postmaster}
        figures = uvloop.run(_rounds(watched, server.port, server.headers, bodies, rounds))
        return figures | uvloop.run(_with_httpx(server.port, server.headers, spare))


@dataclass
class _Side:
    """What one of the two endpoints showed in all rounds that count."""

    loads: list[http_load.Load] = field(default_factory=list)
    cpu: dict[str, list[int]] = field(default_factory=dict)  # microseconds a request, by process and round

    async def run(self, watched: dict[str, int], port: int, prepared: Sequence[bytes], *, counts: bool) -> None:
        """One round."""
        before = {name: cpu.tree_seconds(pid) for name, pid in watched.items()}
        alone, client = cpu.seconds_of(watched["server"]), time.process_time()
        load = await http_load.run(port, prepared, CONNECTIONS)
        client = time.process_time() - client
        if set(load.statuses) != {CREATED}:
            raise SystemExit(f"unexpected answers: {load.statuses}")
        if not counts:
            return
        self.loads.append(load)
        spent = {name: cpu.tree_seconds(pid) - before[name] for name, pid in watched.items()}
        spent["server_main"] = cpu.seconds_of(watched["server"]) - alone
        spent["client"] = client
        for name, seconds in spent.items():
            self.cpu.setdefault(name, []).append(round(seconds * 1e6 / len(prepared)))

    @property
    def rate(self) -> float:
        return statistics.median(load.rate for load in self.loads)

    def latency(self, share: float) -> float:
        return round(statistics.median(load.percentile(share) for load in self.loads) * 1000, 2)

    def cpu_per_request(self) -> dict[str, int]:
        """The least of any round: other work on the machine only ever adds."""
        return {name: min(spent) for name, spent in self.cpu.items()}


async def _rounds(
    watched: dict[str, int], port: int, headers: dict[str, str], bodies: Sequence[bytes], rounds: int
) -> dict[str, object]:
    read, ingest = _Side(), _Side()
    requests = len(bodies) // (rounds + 1)
    for number in range(rounds + 1):  # the first round warms both up and does not count
        part = bodies[number * requests : (number + 1) * requests]
        for side, path in ((read, "/bench/read"), (ingest, "/v1/evidence")):
            prepared = [http_load.request("POST", path, body, headers) for body in part]
            await side.run(watched, port, prepared, counts=number > 0)
    return {
        "envelope_bytes": len(bodies[0]),
        "connections": CONNECTIONS,
        "read_only_per_second": round(read.rate),
        "ingest_per_second": round(ingest.rate),
        "ratio": round(ingest.rate / read.rate, 3),
        "ratio_of_rounds": [round(a.rate / b.rate, 3) for a, b in zip(ingest.loads, read.loads, strict=True)],
        **{f"read_only_p{share}_ms": read.latency(share / 100) for share in (50, 99)},
        **{f"ingest_p{share}_ms": ingest.latency(share / 100) for share in (50, 99)},
        "read_only_cpu_us": read.cpu_per_request(),
        "ingest_cpu_us": ingest.cpu_per_request(),
    }


async def _with_httpx(port: int, headers: dict[str, str], bodies: Sequence[bytes]) -> dict[str, object]:
    """The same two endpoints in turns, with ordinary clients; the first round does not count."""
    requests = len(bodies) // _HTTPX_ROUNDS
    rates: dict[str, list[float]] = {"/bench/read": [], "/v1/evidence": []}
    for number in range(_HTTPX_ROUNDS):
        part = bodies[number * requests : (number + 1) * requests]
        for path, seen in rates.items():
            load = await http_load.run_httpx(port, path, part, headers, CONNECTIONS)
            if set(load.statuses) != {CREATED}:
                raise SystemExit(f"unexpected answers: {load.statuses}")
            if number:
                seen.append(load.rate)
    read, ingest = (statistics.median(seen) for seen in rates.values())
    return {
        "httpx_read_only_per_second": round(read),
        "httpx_ingest_per_second": round(ingest),
        "ratio_with_httpx_clients": round(ingest / read, 3),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(arguments)
    figures = measure(asked.requests, asked.rounds)
    show(figures, as_json=asked.json)


if __name__ == "__main__":
    main()
