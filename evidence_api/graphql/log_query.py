"""The root fields about the log itself."""

import strawberry


@strawberry.type(description="Root fields about the log itself.")
class LogQuery:
    """Inherited by the root type."""
