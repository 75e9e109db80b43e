"""The root fields about what is missing, and why something changed."""

from typing import Annotated

import strawberry

from evidence_api.domain.errors import Malformed
from evidence_api.graphql.changes import Change, change_of, standpoint
from evidence_api.graphql.connections import AsOf
from evidence_api.graphql.context import Info
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.gaps import GapsOfFramework, report_of
from evidence_api.graphql.ids import key_of
from evidence_api.graphql.releases import find_release, moment_of
from evidence_api.store.reads import storable
from evidence_api.use_cases.gaps import GapQuestion, find_gaps
from evidence_api.use_cases.why_changed import ChangeQuestion, why_changed


@strawberry.type(description="Root fields about what is missing, and why something changed.")
class GapQuery:
    """Inherited by the root type."""

    @resolved(
        "What is missing for a framework: of one release, or of the newest assessed release of each product, a hundred "
        "products at a time. Null if there is no such framework or release."
    )
    async def gaps(
        self,
        info: Info,
        framework: Annotated[
            strawberry.ID, strawberry.argument(description="Its id, or its reference, e.g. aicpa-tsc.")
        ],
        release: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Of this release alone: its id, or the evidence id of its statement."),
        ] = None,
        after_product: Annotated[
            str | None, strawberry.argument(description="Only products whose names come after this one.")
        ] = None,
        as_of: AsOf = None,
    ) -> GapsOfFramework | None:
        """Three statements, whatever is asked below."""
        named, about = key_of(framework, "Framework"), None if release is None else key_of(release, "Release") or "-"
        at = await moment_of(info, as_of)
        reference = (named or "").rpartition("/")[2]
        question = GapQuestion(reference, about, storable(after_product or ""), at.size, at.pinned)
        report = await find_gaps(info.context.session, question)
        return None if report is None else report_of(report, at)

    @resolved(
        "Why the verdict on one control of a release changed between two of its assessments. Null where there is no "
        "such release, assessment or control."
    )
    async def why_changed(  # noqa: PLR0913, PLR0917  a release, a control, two points and a size
        self,
        info: Info,
        release: Annotated[
            strawberry.ID, strawberry.argument(description="Its id, or the evidence id of its statement.")
        ],
        control: Annotated[str, strawberry.argument(description="The control's reference, e.g. IG-SC-5.")],
        start: Annotated[
            strawberry.ID,
            strawberry.argument(
                name="from",
                description="The earlier assessment: its id, or a tree size (the first made at the greatest one not "
                "over it).",
            ),
        ],
        end: Annotated[
            strawberry.ID | None,
            strawberry.argument(name="to", description="The later one, the same way; the one in force without it."),
        ] = None,
        as_of: AsOf = None,
    ) -> Change | None:
        """Evaluated again where the outcome is another one, two readers at a time."""
        at = await moment_of(info, as_of)
        found = await find_release(info, key_of(release, "Release") or "-", at)
        if found is None:
            return None
        points = [await standpoint(info, name, text, found.row.id, at) for name, text in (("from", start), ("to", end))]
        before, after = points
        if before is None or after is None:
            return None
        if (before.tree_size, before.evaluated_at) > (after.tree_size, after.evaluated_at):
            raise Malformed("`from` was made after `to`", code="standpoints_out_of_order", path="from")
        grant = info.context.principal.grant
        partial = grant is not None and (grant.since is not None or bool(grant.frameworks))
        question = ChangeQuestion(found.row, control, before, after, partial=partial)
        change = await why_changed(info.context.session, question)
        return None if change is None else change_of(change, found.row, (before, after), at)
