"""Advisories: an OSV feed is imported, in one transaction, and what is in force is told.

The plan of an import:
  1. find the files, and read record after record, each within its bounds      engines/feed_files.py
  2. read each as strictly as the schema; what is not a record is left out and named, the others go on
  3. take batches into the register                                            store/advisories.py
  4. put the import on record: from then on every tenant's current releases are matched again (use_cases/derive.py)
Importing the same files again changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evidence_api.domain.errors import Refused
from evidence_api.engines.clock import Clock
from evidence_api.engines.feed_files import feed_entries, feed_files, feed_size
from evidence_api.formats.osv_feed import FeedRecord, feed_records
from evidence_api.store import advisories
from evidence_api.store.advisories import FeedImport, Merged
from evidence_api.store.session import Database

_BATCH = 2_000  # records of one statement
_NAMED = 20  # refused records that are named; the rest is counted

Progress = Callable[[int, int], None]  # bytes read, bytes in all


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """One record left out: where it was, and why."""

    place: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `made` is None when it changed nothing; of the `refused` ones the first twenty are named."""

    files: int
    merged: Merged
    refused: int
    named: tuple[RefusedRecord, ...]
    made: FeedImport | None


@dataclass(slots=True)
class _Refusals:
    count: int = 0
    named: list[RefusedRecord] = field(default_factory=list)

    def note(self, place: str, refusal: Refused) -> None:
        self.count += 1
        if len(self.named) < _NAMED:
            self.named.append(RefusedRecord(place, refusal.code, refusal.message))


class Advisories:
    """Imports and shows the register of advisories."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def import_feed(self, paths: list[Path], progress: Progress = lambda _read, _whole: None) -> ImportReport:
        """Import files, folders and archives. Raises Malformed, TooLarge (then nothing is), StoreUnavailable."""
        files = feed_files(paths)
        whole, refusals, merged, at = feed_size(files), _Refusals(), Merged(), self._clock.now()
        async with self._database.operator() as connection:
            await advisories.lock(connection)
            batch: list[FeedRecord] = []
            for record, read in _records(files, refusals):
                batch.append(record)
                if len(batch) >= _BATCH:
                    merged += await advisories.merge(connection, batch, at)
                    progress(read, whole)
                    batch = []
            merged += await advisories.merge(connection, batch, at)
            made = await advisories.close_import(connection, merged, at)
            # Commit point: on leaving this block. A crash before it leaves the register as it was.
        progress(whole, whole)
        return ImportReport(len(files), merged, refusals.count, tuple(refusals.named), made)

    async def status(self) -> FeedImport | None:
        """The newest import, with the register it led to; None: nothing was ever imported."""
        async with self._database.anonymous() as connection:
            return await advisories.last_import(connection)


def _records(files: list[Path], refusals: _Refusals) -> Iterator[tuple[FeedRecord, int]]:
    """(record, bytes read so far); what cannot be read is noted, and holds up nothing else."""
    for entry in feed_entries(files):
        try:
            found = list(feed_records(entry.content))
        except Refused as refusal:
            refusals.note(entry.place, refusal)
            continue
        yield from ((record, entry.read) for record in found)
