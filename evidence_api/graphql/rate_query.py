"""The root fields about what an operation costs, and what is left."""

import strawberry


@strawberry.type(description="Root fields about what an operation costs, and what is left.")
class RateQuery:
    """Inherited by the root type."""
