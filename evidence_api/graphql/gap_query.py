"""The root fields about what is missing, and why something changed."""

import strawberry


@strawberry.type(description="Root fields about what is missing, and why something changed.")
class GapQuery:
    """Inherited by the root type."""
