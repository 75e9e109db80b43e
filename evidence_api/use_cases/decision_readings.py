"""Decisions computed again for whoever reads them: once each while they are asked for, beside the loop's thread.

A reading is a pure function of the evidence, so it is kept by evidence id, whoever asked first; whether somebody may
see the evidence, and whether its bytes are still here, is settled before anybody comes here.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from evidence_api.domain.decisions.reading import DecisionReading
from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.stored import stored_decision

log = structlog.get_logger(__name__)

_KEPT = 4096
_KEPT_BYTES = 32 * 2**20  # of the bodies they were read from; what is kept of one is never more than twice its body
_ENTRY = 2048  # bytes of the smallest


class DecisionKey(NamedTuple):
    """Which decision: its evidence id, and where its bytes are."""

    evidence: str
    body_digest: str
    body_size: int


class DecisionReadings:
    """Readings by evidence id, least recently used out first."""

    def __init__(self, entries: int = _KEPT, size: int = _KEPT_BYTES) -> None:
        self._entries = entries
        self._size = size
        self._kept: OrderedDict[str, tuple[int, DecisionReading]] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return len(self._kept)

    def known(self, keys: Sequence[DecisionKey]) -> dict[str, DecisionReading]:
        """Those of them that need not be computed."""
        found = {}
        for key in keys:
            kept = self._kept.get(key.evidence)
            if kept is not None:
                self._kept.move_to_end(key.evidence)
                found[key.evidence] = kept[1]
        return found

    async def read(self, keys: Sequence[DecisionKey], bodies: Mapping[str, bytes]) -> dict[str, DecisionReading]:
        """Compute those whose bytes are here, all in one thread beside the loop. What cannot be read any more (it was
        taken in by older rules) is left out, and logged."""
        found = await asyncio.to_thread(_read, [(key.evidence, bodies.get(key.body_digest)) for key in keys])
        for key in keys:
            if key.evidence in found:
                self._keep(key, found[key.evidence])
        return found

    def _keep(self, key: DecisionKey, reading: DecisionReading) -> None:
        if key.evidence in self._kept:
            return
        weight = key.body_size + _ENTRY
        self._kept[key.evidence] = (weight, reading)
        self._held += weight
        while len(self._kept) > self._entries or self._held > self._size:
            _, (dropped, _reading) = self._kept.popitem(last=False)
            self._held -= dropped


def _read(given: Sequence[tuple[str, bytes | None]]) -> dict[str, DecisionReading]:
    found = {}
    for evidence, body in given:
        if body is None:
            continue
        try:
            read = stored_decision(body)
        except EvidenceError as fault:
            log.warning("decision_unreadable", evidence=evidence, code=fault.code)
            continue
        if read is not None:
            found[evidence] = replace(read[0], result=replace(read[0].result, facts={}))
    return found
