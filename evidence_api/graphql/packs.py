"""Packs as readers see them: what was asked for, how far it is, and where its bytes are."""

from collections.abc import Sequence
from enum import Enum
from uuid import UUID

import strawberry

from evidence_api.domain.pack_reading import PackView
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.evidence import Evidence, find_evidence
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.ids import encode_id
from evidence_api.graphql.nodes import Node
from evidence_api.graphql.releases import Release, find_release
from evidence_api.graphql.scalars import Time
from evidence_api.use_cases.pack_reads import packs_by_ids

READ_PACKS = "pack:read"
_NO_PACK: PackView | None = None


@strawberry.enum(description="How far a pack is.")
class PackStatus(Enum):
    """domain.pack_reading.PackView.status, for readers."""

    _value_: str

    REQUESTED = named("requested", "It waits to be rendered.")
    RENDERING = named("rendering", "It is being rendered.")
    READY = named("ready", "Its files are there.")
    FAILED = named("failed", "There will be none; `code` and `reason` say why.")


@strawberry.enum(description="Whether everything is in a pack that its verdicts rest on.")
class PackCompleteness(Enum):
    """domain.pack.PackStatus, of packs that exist."""

    _value_: str

    COMPLETE = named("complete", "All of it.")
    PARTIAL = named("partial", "Not all of it: the pack names what is absent.")


@strawberry.type(description="One rendering of a pack.")
class PackFile:
    """domain.pack_reading.PackFileView, for readers."""

    media_type: str = strawberry.field(description="application/json or application/pdf.")
    digest: str = strawberry.field(description="sha256:<hex> of the bytes, which name them.")
    size: int = strawberry.field(description="How many bytes.")
    href: str = strawberry.field(description="Where they are, on this server; needs the same right.")


@strawberry.type(
    description="An audit pack that was asked for: a release's verdicts with everything they rest on. "
    "`evidence-api verify` checks its files without a server."
)
class Pack(Node):
    """domain.pack_reading.PackView, for readers."""

    row: strawberry.Private[PackView]
    at: strawberry.Private[Moment]
    status: PackStatus = strawberry.field(description="How far it is.")
    release_name: str = strawberry.field(description="What it is about: name@version.")
    redacted: bool = strawberry.field(
        description="Whether personal data and secrets that may not leave were to be replaced by copies without them."
    )
    completeness: PackCompleteness | None = strawberry.field(description="Null before it is ready.")
    requested_by: str | None = strawberry.field(
        description="Kind and id of the credential that asked; null where that is not known."
    )
    justification: str | None = strawberry.field(description="Why; null where nobody said.")
    requested_at: Time = strawberry.field(description="When it was asked for.")
    finished_at: Time | None = strawberry.field(description="When it was ready, or failed.")
    files: list[PackFile] = strawberry.field(description="Its renderings; none before it is ready.")
    code: str | None = strawberry.field(description="What it failed for, as a code that stays.")
    reason: str | None = strawberry.field(description="The same in words.")

    @resolved("The release it is about.")
    async def release(self, info: Info) -> Release | None:
        """Loaded together with those of the siblings."""
        return await find_release(info, self.row.release, self.at)

    @resolved("The statement in the log that it was asked for; null for packs that were asked for over REST.")
    async def request(self, info: Info) -> Evidence | None:
        """Loaded together with those of the siblings."""
        return None if self.row.evidence is None else await find_evidence(info, self.row.evidence, self.at)


def pack_of(row: PackView, at: Moment) -> Pack:
    """A row as a reader sees it."""
    return Pack(
        id=strawberry.ID(encode_id("Pack", str(row.id))),
        row=row,
        at=at,
        status=PackStatus(row.status),
        release_name=row.name,
        redacted=row.redact,
        completeness=PackCompleteness(row.completeness) if row.completeness else None,
        requested_by=row.requested_by or None,
        justification=row.justification or None,
        requested_at=Time(row.requested),
        finished_at=None if row.finished is None else Time(row.finished),
        files=[
            PackFile(media_type=one.media_type, digest=one.digest, size=one.size, href=f"/v1/packs/{one.digest}")
            for one in row.files
        ],
        code=row.code or None,
        reason=row.reason or None,
    )


async def find_pack(info: Info, key: str, at: Moment) -> Pack | None:
    """One pack by its id, loaded together with others asked for in this turn. Raises Forbidden."""
    session = info.context.session
    try:
        identity = UUID(key)
    except ValueError:
        return None
    await session.allow(READ_PACKS)

    async def load(ids: Sequence[UUID]) -> dict[UUID, PackView]:
        return await packs_by_ids(session, ids)

    row = await info.context.batches.of("packs", load, _NO_PACK).get(identity)
    return None if row is None else pack_of(row, at)
