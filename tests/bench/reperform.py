"""Reperforming LinUCB cards on one core: 10,000 of them, 16 features, 8 arms.

    python -m tests.bench.reperform [--json] [--cards N] [--features D] [--arms K]

Two ways: from the predicate as parsed JSON, and from the line of JSON bytes as `evidence-api reperform` reads it. Every
card is of a router that has learned something else, so no two have a matrix in common. The limit is 2,000 a second on
one core: what is measured is processor time, so that more cores do not help.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import numpy as np
import orjson

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.linucb_router import LinUCB
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.formats.decision_items import DecisionItem, decision_items
from tests.bench._figures import parser_of, show

PREDICATE_TYPE = "urn:evidence-api:router-decision:v1"
LIMIT_PER_SECOND = 2_000
KEPT = 200  # cards held at a time; each is some 40 kB


def cards(count: int, features: int, arms: int) -> Iterable[bytes]:
    """Lines of {predicateType, predicate}."""
    rng = np.random.default_rng(1)
    prices = {f"chain{number}@m": 0.05 + 0.1 * number for number in range(arms)}
    router = LinUCB(prices, dimensions=features, max_usd=0.6, min_eval=0.1, alpha=0.3)
    for number in range(count):
        for arm in prices:
            router.update(arm, rng.random(features).tolist(), float(rng.random()))
        decided = {"producer": {"id": "bench", "version": "1"}, "decidedAt": "2026-09-01T12:00:00Z"}
        predicate = {**decided, **router.card(f"task-{number}", rng.random(features).tolist())}
        yield orjson.dumps({"predicateType": PREDICATE_TYPE, "predicate": predicate})


def measure(asked: argparse.Namespace) -> dict[str, float]:
    """Cards a second of processor time, both ways."""
    made = iter(cards(asked.cards, asked.features, asked.arms))
    parsed_seconds = line_seconds = total_bytes = agreeing = 0.0
    done = 0
    while lines := list(islice(made, KEPT)):
        predicates = [orjson.loads(line)["predicate"] for line in lines]
        body = b"\n".join(lines)
        started = time.process_time()
        agreeing += sum(agrees(predicate) for predicate in predicates)
        parsed_seconds += time.process_time() - started
        started = time.process_time()
        agreeing += sum(isinstance(one, DecisionItem) and agrees(one.predicate) for one in decision_items(body))
        line_seconds += time.process_time() - started
        done += len(lines)
        total_bytes += len(body)
    return {
        "cards": done,
        "agreeing": agreeing / 2,
        "bytes_per_card": round(total_bytes / done),
        "parsed_per_second": round(done / parsed_seconds),
        "lines_per_second": round(done / line_seconds),
        "limit_per_second": LIMIT_PER_SECOND,
    }


def agrees(predicate: Mapping[str, Any]) -> bool:
    """Reperform one."""
    return DECISIONS[PREDICATE_TYPE].reperform(predicate).status is Status.AGREES


def main() -> int:
    """Print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--cards", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--arms", type=int, default=8)
    asked = parser.parse_args()
    show(measure(asked), as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
