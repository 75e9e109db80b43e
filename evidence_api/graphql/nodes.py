"""The Node interface of Relay."""

import strawberry


@strawberry.interface(description="Anything with an id that names it for ever.")
class Node:
    """Relay's Node."""

    id: strawberry.ID = strawberry.field(
        description="Opaque and global: the same object has the same id in every answer."
    )
