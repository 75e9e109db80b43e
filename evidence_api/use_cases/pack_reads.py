"""Reading packs: which were asked for, how far they are, and under which digests their bytes are."""

from collections.abc import Sequence
from uuid import UUID

from evidence_api.domain.pack_reading import PackView
from evidence_api.domain.page import Page, Window
from evidence_api.store import pack_requests
from evidence_api.use_cases.read_session import ReadSession


async def packs_page(
    session: ReadSession, release: str | None, status: Sequence[str], window: Window
) -> Page[PackView]:
    """One page, oldest first; of a release (evidence id of its statement), in any of these states."""
    return await session.run(pack_requests.page, release, status, window)


async def packs_by_ids(session: ReadSession, ids: Sequence[UUID]) -> dict[UUID, PackView]:
    """Packs by id."""
    return await session.run(pack_requests.by_ids, ids)
