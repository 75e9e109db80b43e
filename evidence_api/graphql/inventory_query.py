"""The root fields over all releases: products, where a vulnerability is, waivers."""

from typing import Annotated

import strawberry

from evidence_api.domain import waiver_list
from evidence_api.domain.errors import Malformed
from evidence_api.domain.page import Counted, slice_of
from evidence_api.graphql.affected import AffectedRelease, affected_of
from evidence_api.graphql.connections import After, AsOf, Before, Connection, First, Last, connect
from evidence_api.graphql.context import Info
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.products import Product
from evidence_api.graphql.releases import moment_of
from evidence_api.graphql.scalars import Time
from evidence_api.graphql.vulnerabilities import VulnerabilityStanding
from evidence_api.graphql.waivers import Waiver, WaiverStanding, waiver_shown
from evidence_api.store import read_products
from evidence_api.use_cases import inventory
from evidence_api.use_cases.waivers import WaiverList, find_waivers


@strawberry.type(description="Root fields about drift and vulnerabilities over all releases.")
class InventoryQuery:
    """Inherited by the root type."""

    @resolved("The products there are releases of, by name.")
    async def products(  # noqa: PLR0913, PLR0917  Relay's four, and a size
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        as_of: AsOf = None,
    ) -> Connection[Product]:
        """One statement per page."""
        hashed = filter_hash("products")
        window = window_of(Paging(first, after, last, before), hashed)
        at = await moment_of(info, as_of)
        page = await info.context.session.run(read_products.products, window, at.size)
        return connect(
            page, window, hashed, lambda row: row.release.name, lambda row: Product(at=at, name=row.release.name)
        )

    @resolved(
        "Where a vulnerability is: the releases whose drift statement in force tells of it, in the order they were "
        "stated. The index follows the log by a moment."
    )
    async def affected(  # noqa: PLR0913, PLR0917  a name, a filter, Relay's four and a size
        self,
        info: Info,
        vulnerability: Annotated[
            str, strawberry.argument(description="Any of its names, e.g. CVE-2026-1234, in capitals or not.")
        ],
        standing: Annotated[
            list[VulnerabilityStanding] | None,
            strawberry.argument(
                description="Only where it stands so; all without it. FIXED gives nothing: it is not in those releases."
            ),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        as_of: AsOf = None,
    ) -> Connection[AffectedRelease]:
        """One statement per page."""
        if not vulnerability.strip():
            raise Malformed("give a name, e.g. CVE-2026-1234", code="vulnerability_not_named", path="vulnerability")
        standings = sorted({one.value for one in standing or ()})
        hashed = filter_hash("affected", name=vulnerability, standings=standings)
        window = window_of(Paging(first, after, last, before), hashed)
        at = await moment_of(info, as_of)
        page = await inventory.affected(info.context.session, vulnerability, standings, window, at.size)
        return connect(page, window, hashed, lambda row: str(row.release.leaf_index), lambda row: affected_of(row, at))

    @resolved(
        "Waivers of the catalog in force and signed overrides, of all releases, by their end. With `asOf` they are "
        "shown as they stood when the newest leaf of that tree was received; without it, as they stand now."
    )
    async def waivers(  # noqa: PLR0913, PLR0917  Relay's four, five filters and a size
        self,
        info: Info,
        standing: Annotated[
            list[WaiverStanding] | None, strawberry.argument(description="Only where they stand so; all without it.")
        ] = None,
        control: Annotated[str | None, strawberry.argument(description="Only of this control, by reference.")] = None,
        approver: Annotated[str | None, strawberry.argument(description="Only approved by this person.")] = None,
        scope: Annotated[
            str | None,
            strawberry.argument(
                description='Only of exactly this scope: a release\'s name, name@version, digest, or "".'
            ),
        ] = None,
        at: Annotated[
            Time | None, strawberry.argument(description="As they stand at this moment, in place of the other two.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        as_of: AsOf = None,
    ) -> Connection[Waiver]:
        """Two statements, whatever the page."""
        standings = sorted({waiver_list.WaiverStanding(one.value) for one in standing or ()})
        hashed = filter_hash(
            "waivers", standings=standings, control=control, approver=approver, scope=scope, at=str(at or "")
        )
        window = window_of(Paging(first, after, last, before), hashed)
        moment = await moment_of(info, as_of)
        chosen = waiver_list.WaiverFilter(standings, control, approver, scope)
        found = await find_waivers(info.context.session, chosen, moment.size, pinned=moment.pinned, at=at)
        page = slice_of(found.waivers, window, waiver_list.waiver_position)
        shown = Time(found.at)
        return connect(
            *(page, window, hashed, waiver_list.waiver_position),
            lambda one: waiver_shown(one, moment, shown),
            lambda: _counted(found),
        )


async def _counted(found: WaiverList) -> Counted:
    return found.counted
