"""The root fields about who read what."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, cast

import strawberry

from evidence_api.domain.access_entry import AccessFilter, AccessProof, AccessRow
from evidence_api.domain.merkle import leaf_hash
from evidence_api.domain.page import Counted
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.formats.access_audit import row_leaf
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect
from evidence_api.graphql.context import Info
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.scalars import Time
from evidence_api.store import access_audit
from evidence_api.store.reads import storable
from evidence_api.use_cases.access_batches import access_proofs

READ_ACCESS = "access:read"


@strawberry.type(description="Who asked.")
class AccessPrincipal:
    """The caller, as the audit keeps them."""

    kind: str = strawberry.field(description="token, auditor, uploader, peer or operator.")
    id: str = strawberry.field(description="The token's id, or the peer's; never a secret.")


@strawberry.type(
    description="Proof that a row of the audit is what the tenant's log commits to (RFC 9162 section 2.1.3). Check it "
    "offline: hash `leaf` with a zero byte in front, fold in `hashes`, compare with the `root` in the statement of "
    "`evidenceId`."
)
class AccessInclusion:
    """domain.access_entry.AccessProof, for readers. Hashes are base64 of 32 bytes."""

    evidence_id: str = strawberry.field(description="The evidence in the log whose statement commits to the rows.")
    position: int = strawberry.field(description="The row's place among those of that statement, from 0.")
    rows: int = strawberry.field(description="How many rows that statement commits to.")
    leaf: str = strawberry.field(description="The row's canonical JSON, base64: all that is shown of it here.")
    leaf_hash: str = strawberry.field(description="SHA-256 of a zero byte and the leaf, base64.")
    root_hash: str = strawberry.field(description="The root the proof leads to, base64.")
    hashes: list[str] = strawberry.field(description="The siblings from the leaf to the root, base64 each.")


@strawberry.type(description="One authenticated read, or one refusal. Rows are only ever added.")
class AccessRecord:
    """domain.access_entry.AccessRow, for readers. Digests are sha256:<hex>, null where there is none."""

    row: strawberry.Private[AccessRow]
    sequence: str = strawberry.field(description="Its number, decimal: a tenant's rows count from 1, without a gap.")
    at: Time = strawberry.field(description="When it was answered.")
    request_id: str = strawberry.field(description="The X-Request-Id of the answer.")
    principal: AccessPrincipal = strawberry.field(description="Who asked.")
    action: str = strawberry.field(description="What policy was asked about, e.g. evidence:read.")
    method: str = strawberry.field(description="The HTTP method.")
    path: str = strawberry.field(description="The route, e.g. /v1/blobs/{digest}.")
    document: str | None = strawberry.field(description="The digest of the GraphQL document's text.")
    operation: str | None = strawberry.field(description="The name of the GraphQL operation.")
    variables: str | None = strawberry.field(
        description="The digest of the canonical JSON (RFC 8785) of the variables; of other requests, of what stood in "
        "the path, by the route's names, and in the query string."
    )
    cost: int | None = strawberry.field(description="What it cost.")
    tree_size: int | None = strawberry.field(description="The size of the log it read.")
    result: str | None = strawberry.field(description="The digest of the answer's bytes.")
    status: int = strawberry.field(description="The HTTP status.")
    code: str | None = strawberry.field(
        description="The code of the refusal, or of the first thing in the answer that was refused."
    )
    count: int = strawberry.field(description="How many refusals alike it stands for; 1 for a read.")

    @resolved("Proof that the row is what the log commits to; null until it does, a minute or so.")
    async def proof(self, info: Info) -> AccessInclusion | None:
        """Made together with those its siblings ask for."""
        session = info.context.session

        async def load(sequences: Sequence[int]) -> dict[int, AccessProof]:
            return await session.run(access_proofs, sequences)

        absent: AccessProof | None = None
        proof = await info.context.batches.of("access proofs", load, absent).get(self.row.sequence)
        return None if proof is None else _inclusion(self.row, proof)


@strawberry.type(description="Root fields about who read what.")
class AccessQuery:
    """Inherited by the root type."""

    @resolved(
        "Who read what: every authenticated read and every refusal of the tenant, in the order of their numbers; the "
        "newest are the `last`. Needs the right access:read."
    )
    async def access_audit(  # noqa: PLR0913, PLR0917  the arguments of the list
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        principal: Annotated[str | None, strawberry.argument(description="Of the caller of this id alone.")] = None,
        action: Annotated[str | None, strawberry.argument(description="Of this action alone.")] = None,
        refused: Annotated[
            bool | None, strawberry.argument(description="True: what was refused. False: what was answered in full.")
        ] = None,
        since: Annotated[Time | None, strawberry.argument(description="From this moment on.")] = None,
        until: Annotated[Time | None, strawberry.argument(description="Before this moment.")] = None,
    ) -> Connection[AccessRecord]:
        """Policy is asked before anything is read."""
        await info.context.session.allow(READ_ACCESS)
        chosen = AccessFilter(
            principal=None if principal is None else storable(principal),
            action=None if action is None else storable(action),
            refused=refused,
            since=cast("datetime | None", since),
            until=cast("datetime | None", until),
        )
        filtered_by = _named(chosen)
        window = window_of(Paging(first, after, last, before), filtered_by)
        session = info.context.session

        async def counting() -> Counted:
            return await session.run(access_audit.count, chosen)

        page = await session.run(access_audit.page, chosen, window)
        return connect(page, window, filtered_by, lambda row: str(row.sequence), _record, counting)


def _named(chosen: AccessFilter) -> str:
    """What cursors of the list with this filter are bound to."""
    return filter_hash(
        "accessAudit",
        principal=chosen.principal,
        action=chosen.action,
        refused=chosen.refused,
        since=chosen.since and format_rfc3339(chosen.since),
        until=chosen.until and format_rfc3339(chosen.until),
    )


def _record(row: AccessRow) -> AccessRecord:
    entry, notes = row.entry, row.entry.notes
    return AccessRecord(
        row=row,
        sequence=str(row.sequence),
        at=Time(entry.at),
        request_id=entry.request_id,
        principal=AccessPrincipal(kind=entry.principal_kind, id=entry.principal_id),
        action=notes.action,
        method=entry.method,
        path=entry.path,
        document=notes.document or None,
        operation=notes.operation or None,
        variables=notes.variables or None,
        cost=notes.cost,
        tree_size=notes.tree_size,
        result=notes.result or None,
        status=entry.status,
        code=notes.code or None,
        count=entry.count,
    )


def _inclusion(row: AccessRow, proof: AccessProof) -> AccessInclusion:
    leaf = row_leaf(row)
    return AccessInclusion(
        evidence_id=proof.evidence_id,
        position=proof.index,
        rows=proof.size,
        leaf=_base64(leaf),
        leaf_hash=_base64(leaf_hash(leaf)),
        root_hash=_base64(proof.root),
        hashes=[_base64(one) for one in proof.hashes],
    )


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
