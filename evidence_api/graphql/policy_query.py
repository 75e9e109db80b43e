"""The root fields about policy decisions and their telemetry."""

import strawberry


@strawberry.type(description="Root fields about policy decisions and their telemetry.")
class PolicyQuery:
    """Inherited by the root type."""
