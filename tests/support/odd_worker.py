"""A worker that does as it is told, to its own end too: `python -m tests.support.odd_worker FD`."""

import os
import socket
import sys
import time
from collections.abc import Iterable

from evidence_api.engines.worker_nursery import run
from evidence_api.engines.worker_wire import Plain


class OddWorker:
    """Questions are (order, argument, name of something told)."""

    def __init__(self) -> None:
        self._told: dict[str, Plain] = {}

    def __call__(self, told: Iterable[tuple[str, Plain]], questions: Iterable[Plain]) -> list[Plain]:
        self._told.update(told)
        return [self._answer(*question) for question in questions]

    def _answer(self, order: str, argument: Plain, name: str) -> Plain:
        if order == "die":
            os._exit(1)
        if order == "die once":
            try:
                os.close(os.open(argument, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return "survived"
            os._exit(1)
        if order == "hang":
            time.sleep(argument)
        if order == "fill":
            return len(bytearray(argument))
        if order == "size":
            return len(argument)
        return (os.getpid(), argument, self._told[name])


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        run(channel, OddWorker)
