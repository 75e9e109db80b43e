"""Reading the log: its newest checkpoint, and proofs that evidence is in it. Nothing here writes."""

from evidence_api.domain.errors import NotFound
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import Inclusion
from evidence_api.store import evidence, read_log
from evidence_api.store.session import Connection, Database


class TransparencyLog:
    """One tenant's log at a time, always with the tenant's scope."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def checkpoint(self, scope: TenantScope) -> str:
        """The signed note of the newest tree. Raises NotFound."""
        async with self._database.reading(scope) as connection:
            head = await read_log.head(connection, scope)
        if not head.checkpoint:
            raise NotFound(f"tenant {scope.name} has no log")
        return head.checkpoint

    async def receipt(self, scope: TenantScope, evidence_id: str) -> Receipt:
        """The receipt of evidence that is in the log, proved in the newest tree. Raises NotFound."""
        async with self._database.reading(scope) as connection:
            return await receipt_for(connection, scope, await evidence.leaf_index(connection, scope, evidence_id))

    async def inclusion_proof(self, scope: TenantScope, leaf_index: int, tree_size: int | None = None) -> Inclusion:
        """A leaf and its proof in the tree of `tree_size` leaves (the newest without). Raises NotFound."""
        async with self._database.reading(scope) as connection:
            newest = (await read_log.head(connection, scope)).tree_size
            size = newest if tree_size is None else tree_size
            found = await read_log.proofs(connection, scope, [leaf_index], size) if 0 < size <= newest else {}
        if leaf_index not in found:
            raise NotFound(f"no leaf {leaf_index} in a tree of {size} leaves")
        return found[leaf_index]


async def receipt_for(connection: Connection, scope: TenantScope, leaf_index: int) -> Receipt:
    """The receipt of a leaf in the newest tree this transaction sees. Raises NotFound."""
    head = await read_log.head(connection, scope)
    found = (await read_log.proofs(connection, scope, [leaf_index], head.tree_size)).get(leaf_index)
    if found is None:
        raise NotFound(f"no leaf {leaf_index}")
    return Receipt(
        evidence_id=found.evidence_id,
        leaf_index=leaf_index,
        tree_size=head.tree_size,
        leaf=found.leaf,
        proof=found.proof,
        checkpoint=head.checkpoint,
    )
