"""The root fields about what is missing, and why something changed."""

from typing import Annotated

import strawberry

from evidence_api.graphql.connections import AsOf
from evidence_api.graphql.context import Info
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.gaps import GapsOfFramework, report_of
from evidence_api.graphql.ids import key_of
from evidence_api.graphql.releases import moment_of
from evidence_api.store.reads import storable
from evidence_api.use_cases.gaps import GapQuestion, find_gaps


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
