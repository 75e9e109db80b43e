"""The root of the read schema: every field is of the caller's tenant, and reads one snapshot."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Annotated

import strawberry

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.graphql.access_query import AccessQuery
from evidence_api.graphql.assessments import Assessment, Finding, find_assessment, find_finding
from evidence_api.graphql.catalog import (
    Control,
    Framework,
    control_of,
    find_control,
    find_criterion,
    find_framework,
    framework_of,
)
from evidence_api.graphql.components import Component, ComponentName, Purl, component_filter, component_of
from evidence_api.graphql.connections import After, AsOf, Before, Connection, First, Last, connect, connect_ordered
from evidence_api.graphql.context import Finder, Info, Moment
from evidence_api.graphql.cursors import MAX_PAGE, Paging, filter_hash, window_of
from evidence_api.graphql.decision_query import DecisionQuery
from evidence_api.graphql.evidence import (
    Evidence,
    Filter,
    chosen_by,
    connect_evidence,
    counted_evidence,
    evidence_window,
    find_evidence,
    listing_of,
)
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.gap_query import GapQuery
from evidence_api.graphql.ids import decode_id, key_of
from evidence_api.graphql.inventory_query import InventoryQuery
from evidence_api.graphql.log_query import LogQuery
from evidence_api.graphql.nodes import Node
from evidence_api.graphql.pack_query import PackQuery
from evidence_api.graphql.packs import find_pack
from evidence_api.graphql.policy_query import PolicyQuery
from evidence_api.graphql.proofs import Checkpoint, InclusionProof, checkpoint_of, prove
from evidence_api.graphql.rate_query import RateQuery
from evidence_api.graphql.releases import Release, find_release, moment_of, release_of
from evidence_api.use_cases.list_counts import count_components, count_releases

FINDERS: Mapping[str, Finder] = {
    "Evidence": find_evidence,
    "Release": find_release,
    "Assessment": find_assessment,
    "Finding": find_finding,
    "Control": find_control,
    "Framework": find_framework,
    "Criterion": find_criterion,
    "Pack": find_pack,
}

Name = Annotated[str | None, strawberry.argument(description="The release's name.")]


@strawberry.type(description="A tenant: one organisation's log, releases and verdicts.")
class Tenant:
    """domain.principal.TenantScope, for readers."""

    name: str = strawberry.field(description="Its name.")


@strawberry.type(description="Who is asking.")
class Viewer:
    """domain.principal.Principal, for readers."""

    kind: str = strawberry.field(description="token or operator.")
    rights: list[str] = strawberry.field(description="What the credential allows.")
    tenant: Tenant = strawberry.field(description="The tenant every field of this schema is about.")


@strawberry.type(
    description="Everything is the caller's tenant's. What does not exist and what belongs to somebody else is null "
    "alike. All fields of one operation read one snapshot; `asOf` pins them to an earlier tree."
)
class Query(DecisionQuery, InventoryQuery, GapQuery, PolicyQuery, PackQuery, LogQuery, AccessQuery, RateQuery):
    """Root fields."""

    @resolved("Who is asking.")
    def viewer(self, info: Info) -> Viewer:
        """From the credential alone."""
        principal = info.context.principal
        return Viewer(kind=principal.kind, rights=sorted(principal.rights), tenant=Tenant(name=principal.tenant.name))

    @resolved("Any node by its id; null if there is none for this caller.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="A node's `id`.")],  # noqa: A002  Relay's name
        as_of: AsOf = None,
    ) -> Node | None:
        """Relay's node."""
        return await _find(info, id, as_of)

    @resolved("Up to 100 nodes by their ids, in the order asked; null for each there is none of.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Ids of nodes, at most 100.")],
        as_of: AsOf = None,
    ) -> list[Node | None]:
        """Relay's nodes."""
        if len(ids) > MAX_PAGE:
            raise TooLarge(
                f"at most {MAX_PAGE} ids, not {len(ids)}", code="page_size", path="ids", limit=MAX_PAGE, value=len(ids)
            )
        return list(await asyncio.gather(*[_find(info, one, as_of) for one in ids]))

    @resolved(
        "The tenant's evidence in log order: `first` begins at the oldest, `last` gives the newest. "
        "Only verified evidence unless `filter.status` says otherwise."
    )
    async def evidence(  # noqa: PLR0913, PLR0917  Relay's four, a filter and a size
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Filter = None,  # noqa: A002  the name readers know
        as_of: AsOf = None,
    ) -> Connection[Evidence]:
        """One statement per page."""
        chosen = chosen_by(filter)
        window, hashed = evidence_window("evidence", chosen, Paging(first, after, last, before))
        at = await moment_of(info, as_of)
        page = await info.context.session.evidence_page(chosen, listing_of(info, window, at))
        return connect_evidence(page, window, hashed, at, counted_evidence(info, chosen, at))

    @resolved("One piece of evidence, whatever its status; null if there is none.")
    async def evidence_record(
        self,
        info: Info,
        id: Annotated[  # noqa: A002  what readers call it
            strawberry.ID, strawberry.argument(description="Its id, or its evidence id sha256:<hex>.")
        ],
        as_of: AsOf = None,
    ) -> Evidence | None:
        """By identity."""
        key = key_of(id, "Evidence")
        return None if key is None else await find_evidence(info, key, await moment_of(info, as_of))

    @resolved("One release: by `id`, or the newest of a `name` and, if given, `version`. Null if there is none.")
    async def release(
        self,
        info: Info,
        id: Annotated[  # noqa: A002  what readers call it
            strawberry.ID | None, strawberry.argument(description="Its id, or the evidence id of its statement.")
        ] = None,
        name: Name = None,
        version: Annotated[str | None, strawberry.argument(description="The version; needs `name`.")] = None,
        as_of: AsOf = None,
    ) -> Release | None:
        """By identity or by name."""
        if (id is None) == (name is None) or (id is not None and version is not None):
            raise Malformed("give either `id`, or `name` and perhaps `version`", code="release_not_named", path="id")
        at = await moment_of(info, as_of)
        if id is not None:
            key = key_of(id, "Release")
            return None if key is None else await find_release(info, key, at)
        row = await info.context.session.release_named(name or "", version, at.size)
        return None if row is None else release_of(row, at)

    @resolved("Releases in the order they were stated.")
    async def releases(  # noqa: PLR0913, PLR0917  Relay's four, a filter and a size
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        name: Name = None,
        as_of: AsOf = None,
    ) -> Connection[Release]:
        """One statement per page."""
        hashed = filter_hash("releases", name=name)
        window = window_of(Paging(first, after, last, before), hashed)
        at = await moment_of(info, as_of)
        page = await info.context.session.release_page(name, window, at.size)
        counting = partial(count_releases, info.context.session, name, at.size)
        return connect(page, window, hashed, lambda row: str(row.leaf_index), lambda row: release_of(row, at), counting)

    @resolved("What verified SBOMs say of a package or of components of a name: one item for each thing said.")
    async def components(  # noqa: PLR0913, PLR0917  Relay's four, two filters and a size
        self,
        info: Info,
        purl: Purl = None,
        name: ComponentName = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        as_of: AsOf = None,
    ) -> Connection[Component]:
        """One statement per page."""
        chosen = component_filter(purl, name)
        hashed = filter_hash("components", purl=purl, name=name)
        window = window_of(Paging(first, after, last, before), hashed)
        at = await moment_of(info, as_of)
        page = await info.context.session.component_page(chosen, window, at.size)
        counting = partial(count_components, info.context.session, chosen, at.size)
        return connect(page, window, hashed, lambda row: str(row.id), lambda row: component_of(row, at), counting)

    @resolved("One assessment by its id; null if there is none.")
    async def assessment(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002  what readers call it
        as_of: AsOf = None,
    ) -> Assessment | None:
        """By identity."""
        key = key_of(id, "Assessment")
        return None if key is None else await find_assessment(info, key, await moment_of(info, as_of))

    @resolved("One finding by its id; null if there is none.")
    async def finding(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002  what readers call it
        as_of: AsOf = None,
    ) -> Finding | None:
        """By identity."""
        key = key_of(id, "Finding")
        return None if key is None else await find_finding(info, key, await moment_of(info, as_of))

    @resolved("One control: by id as it was in its catalog, by reference in the one in force.")
    async def control(
        self,
        info: Info,
        id: Annotated[  # noqa: A002  what readers call it
            strawberry.ID, strawberry.argument(description="Its id, or its reference, e.g. IG-SC-5.")
        ],
    ) -> Control | None:
        """By identity or by reference."""
        index = info.context.session.catalog_in_force()
        if id in index.controls:
            return control_of(index.controls[id], index, None)
        key = key_of(id, "Control")
        return None if key is None or key == id else await find_control(info, key, await moment_of(info, None))

    @resolved("The controls of the catalog in force, in its order.")
    def controls(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Control]:
        """From the catalog in memory."""
        index = info.context.session.catalog_in_force()
        items = [control_of(one, index, None) for one in index.controls.values()]
        return connect_ordered(filter_hash("controls", catalog=index.digest), Paging(first, after, last, before), items)

    @resolved("One framework: by id as it was in its catalog, by reference in the one in force.")
    async def framework(
        self,
        info: Info,
        id: Annotated[  # noqa: A002  what readers call it
            strawberry.ID, strawberry.argument(description="Its id, or its reference, e.g. aicpa-tsc.")
        ],
    ) -> Framework | None:
        """By identity or by reference."""
        index = info.context.session.catalog_in_force()
        if id in index.frameworks:
            return framework_of(index.frameworks[id], index, None)
        key = key_of(id, "Framework")
        return None if key is None or key == id else await find_framework(info, key, await moment_of(info, None))

    @resolved("The frameworks of the catalog in force.")
    def frameworks(self, info: Info) -> list[Framework]:
        """A handful, so without pages."""
        index = info.context.session.catalog_in_force()
        return [framework_of(one, index, None) for one in index.frameworks.values()]

    @resolved("The signed head of the log; null while the log is empty.")
    async def checkpoint(self, info: Info) -> Checkpoint | None:
        """The newest tree of this operation's snapshot."""
        return checkpoint_of(await info.context.session.head())

    @resolved(
        "Proof that a piece of evidence is in the log, named by evidence id or by leaf index. "
        "Null if it is not in that tree."
    )
    async def inclusion_proof(
        self,
        info: Info,
        evidence_id: Annotated[
            str | None, strawberry.argument(description="The evidence id sha256:<hex>, or its node's id.")
        ] = None,
        leaf_index: Annotated[int | None, strawberry.argument(description="The place in the log, from 0.")] = None,
        tree_size: Annotated[
            int | None, strawberry.argument(description="In the tree of this size; the newest without it.")
        ] = None,
    ) -> InclusionProof | None:
        """Computed from the tiles, at any size."""
        if (evidence_id is None) == (leaf_index is None):
            raise Malformed("give exactly one of `evidenceId` and `leafIndex`", code="leaf_not_named")
        size = await info.context.session.tree_size(tree_size)
        if leaf_index is None:
            key = key_of(evidence_id or "", "Evidence")
            record = None if key is None else await find_evidence(info, key, Moment(size, pinned=True))
            if record is None:
                return None
            leaf_index = record.leaf_index
        return await prove(info, leaf_index, size)


async def _find(info: Info, text: str, as_of: int | None) -> Node | None:
    """Any node; what is not an id is absent like what does not exist."""
    at = await moment_of(info, as_of)
    named = decode_id(text)
    found = None if named is None else await info.context.find(info, named.type, named.key, at)
    return found if isinstance(found, Node) else None
