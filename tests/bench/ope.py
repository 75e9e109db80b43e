"""Off-policy reports over large files: from the file to the result, in a process of its own reader each time.

    python -m tests.bench.ope [--json] [--episodes N] [--rounds N]

Seconds of the fastest round: hashing the file, reading it in the reader's process (its start included), estimating.
"""

import asyncio
import tempfile
import time
from hashlib import file_digest
from pathlib import Path

from evidence_api.domain.decisions.off_policy import DeployGate
from evidence_api.domain.decisions.ope_report import KIND, statement
from evidence_api.domain.decisions.reperforming import Given, Status
from evidence_api.engines.artifact_files import ArtifactFiles
from evidence_api.engines.episode_reader import EpisodeReader
from tests.bench._figures import parser_of, show
from tests.support.episodes import drawn, json_lines, parquet

HEAD = {"producer": {"id": "bench", "version": "1"}, "decidedAt": "2026-11-01T10:00:00Z"}


def once(folder: Path, digest: str, report: dict[str, object]) -> float:
    """Seconds from the digest to the result."""
    began = time.perf_counter()
    file = ArtifactFiles([folder]).find(digest)
    if file is None:
        raise SystemExit(f"{digest} is not in {folder}")
    result = KIND.reperform(report, Given(artifact=asyncio.run(EpisodeReader().read(file))))
    if result.status is not Status.AGREES:
        raise SystemExit(result.reason)
    return time.perf_counter() - began


def measure(count: int, rounds: int) -> dict[str, float]:
    """Both formats."""
    episodes, gate = drawn(count), DeployGate(0.01, 0.9, 1)
    figures: dict[str, float] = {"episodes": count}
    for name, body in (("jsonl", json_lines(episodes)), ("parquet", parquet(episodes))):
        with tempfile.TemporaryDirectory() as kept:
            file = Path(kept, name)
            file.write_bytes(body)
            with file.open("rb") as opened:
                digest = file_digest(opened, "sha256").hexdigest()
            made = statement(episodes, gate, baseline_eval=0.85, baseline_cost_usd=0.3, artifact=digest)
            report = {**HEAD, **made}
            fastest = min(once(Path(kept), f"sha256:{digest}", report) for _ in range(rounds))
        figures |= {
            f"{name}_seconds": round(fastest, 3),
            f"{name}_per_second": round(count / fastest),
            f"{name}_megabytes": round(len(body) / 1e6, 2),
        }
    return figures


def main() -> int:
    """Print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    show(measure(asked.episodes, asked.rounds), as_json=asked.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
