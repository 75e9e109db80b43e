"""What runs in worker processes: `python -m evidence_api.use_cases.worker FD`, started by engines/worker_nursery.py.

One nursery loads the code of all of them and forks whatever is needed; a worker does only the work of the pool it
belongs to. The first question it is told about says which that is.
"""

import socket
import sys
from collections.abc import Iterable

from evidence_api.engines.worker_nursery import Nursery, run
from evidence_api.engines.worker_wire import Plain
from evidence_api.use_cases.assess_worker import AssessWorker
from evidence_api.use_cases.draft_worker import DraftWorker

ASSESSING = "assess "  # begins the names of what assessing workers are told


class Worker:
    """Answers questions of either sort, by the name of what they share."""

    def __init__(self) -> None:
        self._assessing, self._drafting = AssessWorker(), DraftWorker()

    def __call__(self, told: Iterable[tuple[str, Plain]], questions: Iterable[Plain]) -> list[Plain]:
        """One answer for each question, in order; all of a frame are of one pool."""
        listed, asked = list(told), list(questions)
        assessing = any(name.startswith(ASSESSING) for name, *_ in asked)
        return (self._assessing if assessing else self._drafting)(listed, asked)


def worker_nursery() -> Nursery:
    """What starts the workers."""
    return Nursery(__name__)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        run(given, Worker)
