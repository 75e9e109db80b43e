"""Reading: what is in releases. Components of current SBOMs, derived statements, releases a vulnerability is in."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import orjson
import structlog

from evidence_api.domain.advisory import Advisory
from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.errors import Refused
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.page import Page, Window
from evidence_api.formats.drift_reading import indexed_name
from evidence_api.formats.osv import read_advisory
from evidence_api.store import read_sboms, read_standing, vulnerabilities
from evidence_api.store.vulnerabilities import AffectedRelease
from evidence_api.use_cases.read_session import ReadSession

logger = structlog.get_logger(__name__)

_SBOM = ("sbom",)


async def standing(
    session: ReadSession, releases: Sequence[str], kinds: Sequence[str], size: int
) -> Mapping[str, tuple[Evidence, ...]]:
    """By release: current, verified evidence of these kinds whose bytes are still there."""
    return await session.run(read_standing.standing, releases, kinds, size)


async def components(
    session: ReadSession, releases: Sequence[str], name: str | None, window: Window, size: int
) -> Mapping[str, Page[IndexedComponent]]:
    """One page per release of the components its current SBOMs hold, by id; two statements for all releases."""
    sboms = await standing(session, releases, _SBOM, size)
    leaves = [(release, one.leaf_index) for release, found in sboms.items() for one in found]
    return await session.run(read_sboms.components, leaves, name, window) if leaves else {}


async def affected(
    session: ReadSession, name: str, standings: Sequence[str], window: Window, size: int
) -> Page[AffectedRelease]:
    """One page of the releases whose drift statement in force tells of a vulnerability, by any of its names."""
    return await session.run(vulnerabilities.affected, indexed_name(name), standings, window, size)


async def advisories_named(session: ReadSession, ids: Sequence[str]) -> Mapping[str, Advisory]:
    """The records of these ids in the register of advisories, as it is now; those that cannot be read are left out."""
    records = await session.run(vulnerabilities.advisories, ids)
    return await asyncio.to_thread(lambda: dict(_read(records)))


def _read(records: Mapping[str, bytes]) -> Iterator[tuple[str, Advisory]]:
    for name, record in records.items():
        try:
            yield name, read_advisory(orjson.loads(record))
        except Refused as refusal:  # it was read when it was imported, by the readers of then
            logger.warning("advisory_unreadable", advisory=name, code=refusal.code)
