"""The root fields about audit packs."""

from typing import Annotated

import strawberry

from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect
from evidence_api.graphql.context import Info
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.ids import key_of
from evidence_api.graphql.packs import READ_PACKS, Pack, PackStatus, find_pack, pack_of
from evidence_api.graphql.releases import moment_of
from evidence_api.use_cases.pack_reads import packs_page


@strawberry.type(description="Root fields about audit packs.")
class PackQuery:
    """Inherited by the root type."""

    @resolved(
        "The packs that were asked for, oldest first; the newest are the `last`. They are shown as they are now. "
        "Needs the right pack:read."
    )
    async def packs(  # noqa: PLR0913, PLR0917  Relay's four, and two filters
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        release: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Of this release (its id, or the evidence id of its statement)."),
        ] = None,
        status: Annotated[list[PackStatus] | None, strawberry.argument(description="In any of these states.")] = None,
    ) -> Connection[Pack]:
        """One statement per page."""
        await info.context.session.allow(READ_PACKS)
        about = None if release is None else key_of(release, "Release") or "-"
        states = sorted(one.value for one in status or ())
        hashed = filter_hash("packs", release=about, status=states)
        window = window_of(Paging(first, after, last, before), hashed)
        at = await moment_of(info, None)
        page = await packs_page(info.context.session, about, states, window)
        return connect(page, window, hashed, lambda row: row.position, lambda row: pack_of(row, at))

    @resolved("One pack by its id; null if there is none. Needs the right pack:read.")
    async def pack(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002  what readers call it
    ) -> Pack | None:
        """By identity."""
        key = key_of(id, "Pack")
        return None if key is None else await find_pack(info, key, await moment_of(info, None))
