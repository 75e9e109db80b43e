"""The root fields about who read what."""

import strawberry


@strawberry.type(description="Root fields about who read what.")
class AccessQuery:
    """Inherited by the root type."""
