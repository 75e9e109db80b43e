"""The root fields about audit packs."""

import strawberry


@strawberry.type(description="Root fields about audit packs.")
class PackQuery:
    """Inherited by the root type."""
