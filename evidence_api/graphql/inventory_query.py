"""The root fields about drift and vulnerabilities over all releases."""

import strawberry


@strawberry.type(description="Root fields about drift and vulnerabilities over all releases.")
class InventoryQuery:
    """Inherited by the root type."""
