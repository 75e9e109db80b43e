"""The root fields about what an operation costs, and what is left."""

from typing import Annotated

import strawberry

from evidence_api.graphql.context import Info
from evidence_api.graphql.cost import COST_LIMIT
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.scalars import Time
from evidence_api.use_cases.rates import resets_at

DryRun = Annotated[
    bool,
    strawberry.argument(
        description="Say what this document can cost, and run nothing else of it: the answer holds this field alone, "
        "and costs nothing. It may be over `maximum`, which is refused where it is to be run."
    ),
]


@strawberry.type(description="What this operation can cost at most, and what the caller has left, in cost units.")
class RateLimit:
    """domain.rates.Standing, for readers."""

    cost: int = strawberry.field(description="What this operation can cost at most; what it does not is given back.")
    maximum: int = strawberry.field(description="What an operation may cost at most to be run at all.")
    limit: int | None = strawberry.field(
        description="What a full bucket holds: the client's own or its tenant's, whichever has less left. Null where "
        "nothing is limited, like the fields below."
    )
    remaining: int | None = strawberry.field(description="What is left in it, this operation taken off.")
    reset_at: Time | None = strawberry.field(description="When it is full again, if nothing more is taken.")
    restore_rate: float | None = strawberry.field(description="Units that come back in a second.")


@strawberry.type(description="Root fields about what an operation costs, and what is left.")
class RateQuery:
    """Inherited by the root type."""

    @resolved("What this operation costs and what is left. Free.")
    def rate_limit(self, info: Info, dry_run: DryRun = False) -> RateLimit:  # noqa: ARG002, FBT002  read off the document
        """As it stood when the operation was charged."""
        price = info.context.price
        charge = None if price is None else price.charge
        standing = None if charge is None else charge.standing
        return RateLimit(
            cost=0 if price is None else price.requested,
            maximum=COST_LIMIT,
            limit=None if standing is None else standing.limit,
            remaining=None if standing is None else standing.remaining,
            reset_at=None if charge is None or standing is None else Time(resets_at(charge)),
            restore_rate=None if standing is None else standing.restore_rate,
        )
