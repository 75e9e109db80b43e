"""Sigstore bundles over HTTP against the library alone: `python -m tests.bench.bundles --json`.

In one run and in turns: sigstore-python verifying bundles in as many processes as there are cores, nothing else
(`library_per_second`), and `POST /v1/evidence` of as many other bundles from 32 connections, every answer a durable
append (`ingest_per_second`). All bundles are of our own authorities, built like the public ones: P-384 root and
intermediate, certificate, SCT, Rekor entry with proof, checkpoint and promise.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.engines.worker_pool import usable_cores
from evidence_api.web.requests import CREATED
from tests.bench._figures import parser_of, show
from tests.bench._server import bench_server
from tests.support import http_load, statements
from tests.support.sigstore_authorities import IDENTITY, ISSUER, Fulcio
from tests.support.sigstore_factory import Sigstore

CONNECTIONS = 32


def bundle_of(world: Sigstore, number: int) -> bytes:
    """A test result about an artifact of its own, in a bundle."""
    statement = statements.test_result(f"sha256:{number:064x}", passed=[f"case-{turn}" for turn in range(20)])
    return json.dumps(world.of_statement(json.dumps(statement).encode())).encode()


def verify_alone(root: Path, bundles: Path) -> None:
    """One process of the library: says when it is ready, waits for a line, verifies, says how long it took."""
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(root)))
    policy = Identity(identity=IDENTITY, issuer=ISSUER)
    bodies = bundles.read_bytes().splitlines()
    verifier.verify_dsse(Bundle.from_json(bodies[0]), policy)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    begun = time.perf_counter()
    for body in bodies:
        verifier.verify_dsse(Bundle.from_json(body), policy)
    sys.stdout.write(f"{time.perf_counter() - begun}\n")


def library_rate(home: Path, bodies: Sequence[bytes]) -> float:
    """Bundles a second of all cores."""
    cores, running = usable_cores(), []
    for core in range(cores):
        part = home / f"part-{core}.jsonl"
        part.write_bytes(b"\n".join(bodies[core::cores]))
        command = [sys.executable, "-m", "tests.bench.bundles", "--alone", str(home / "trusted_root.json"), str(part)]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    seconds = max(float(process.communicate()[0]) for process in running)
    return len(bodies) / seconds


def measure(bundles: int, rounds: int) -> dict[str, object]:
    """Run the rounds in turns; the first warms the server up and does not count."""
    # As the public Fulcio is built: a P-384 intermediate under a P-384 root. Checking that chain is most of the work.
    issuing, above = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
    world = Sigstore(fulcio=Fulcio(key=issuing, above=above))
    signer = EnvelopeSigner.generate("ecdsa-p256")
    bodies = [bundle_of(world, number) for number in range(bundles * (rounds + 1))]
    library, ingest = [], []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "trusted_root.json").write_bytes(world.trusted_root())
        with bench_server(home, signer.public_key.pem) as server:
            for number in range(rounds + 1):
                part = bodies[number * bundles : (number + 1) * bundles]
                prepared = [http_load.request("POST", "/v1/evidence", body, server.headers) for body in part]
                load = uvloop.run(http_load.run(server.port, prepared, CONNECTIONS))
                if set(load.statuses) != {CREATED}:
                    raise SystemExit(f"unexpected answers: {load.statuses}")
                if number:
                    library.append(library_rate(home, part))
                    ingest.append(load.rate)
    return {
        "bundle_bytes": len(bodies[0]),
        "cores": usable_cores(),
        "library_per_second": round(statistics.median(library)),
        "ingest_per_second": round(statistics.median(ingest)),
        "ratio": round(statistics.median(ingest) / statistics.median(library), 3),
        "ratio_of_rounds": [round(ours / theirs, 3) for ours, theirs in zip(ingest, library, strict=True)],
    }


def main() -> None:
    """Print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--bundles", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", type=Path, nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        verify_alone(*asked.alone)
        return
    figures = measure(asked.bundles, asked.rounds)
    show(figures, as_json=asked.json)


if __name__ == "__main__":
    main()
