"""Reading: every waiver there is, of the catalog in force and among the evidence, and where each stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_api.domain.control import Waiver
from evidence_api.domain.page import MAX_COUNTED, Counted
from evidence_api.domain.waiver import waiver_of
from evidence_api.domain.waiver_list import WaiverFilter, waivers_listed
from evidence_api.store import read_overrides
from evidence_api.use_cases.read_session import ReadSession


@dataclass(frozen=True, slots=True)
class WaiverList:
    """The waivers asked for, by their end, as they stand `at`; and how many there are, exactly unless there are more
    overrides than are read."""

    waivers: Sequence[Waiver]
    counted: Counted
    at: datetime


async def find_waivers(
    session: ReadSession, chosen: WaiverFilter, size: int, *, pinned: bool, at: datetime | None
) -> WaiverList:
    """Those of the catalog in force, and of the newest ten thousand overrides below `size`."""
    moment = at
    if moment is None:
        moment = await session.run(read_overrides.moment_of, size, pinned=pinned)
    rows = await session.run(read_overrides.overrides, size, MAX_COUNTED + 1)
    signed = [found for one, facts in rows[:MAX_COUNTED] if (found := waiver_of(one, facts)) is not None]
    listed = waivers_listed([*session.catalog_in_force().waivers.values(), *signed], chosen, moment)
    return WaiverList(listed, Counted(len(listed), exact=len(rows) <= MAX_COUNTED), moment)
