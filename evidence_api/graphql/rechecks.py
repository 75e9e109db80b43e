"""Later checks as readers see them: what verifying a record again said, beside what was recorded when it came in."""

from collections.abc import Sequence
from enum import Enum

import strawberry

from evidence_api.domain import recheck as domain
from evidence_api.graphql.context import Info
from evidence_api.graphql.fields import named
from evidence_api.graphql.scalars import Time

NONE_DONE: tuple[domain.Recheck, ...] = ()


@strawberry.enum(description="What a later check of stored evidence said.")
class RecheckStatus(Enum):
    """Statuses of domain.recheck.Recheck, for readers."""

    _value_: str

    VERIFIED = named("verified", "Every check held again, on the grounds named.")
    FAILED = named("failed", "A check did not hold; `code` and `message` say which.")
    UNSUPPORTED = named("unsupported", "Of a type the server could not check at that time.")
    UNSIGNED = named("unsigned", "There is no signature to check.")


@strawberry.type(
    description="One later check of a record. It never changes the stored evidence, its recorded verification or any "
    "verdict: it says what the same bytes come to against another trusted root, or with whom is trusted by then."
)
class Recheck:
    """domain.recheck.Recheck, for readers."""

    checked_at: Time = strawberry.field(description="When the server did this check.")
    status: RecheckStatus = strawberry.field(description="The result of all checks together.")
    trust_root: str = strawberry.field(description="sha256:<hex> of the trusted root checked against.")
    trust: str = strawberry.field(
        description="Digest of the registered keys and trusted identities of that day. Checks with equal trust and "
        "trustRoot say the same, so they are done once."
    )
    signer: str | None = strawberry.field(description="How people are shown the signer; null unless verified.")
    code: str | None = strawberry.field(description="Why it did not verify, as a stable code; null if it did.")
    message: str | None = strawberry.field(description="Why it did not verify, as a sentence; null if it did.")


async def rechecks_of(info: Info, leaf_index: int, limit: int) -> list[Recheck]:
    """The newest checks of one record, loaded together with those of its siblings."""
    session = info.context.session

    async def load(leaves: Sequence[int]) -> dict[int, tuple[domain.Recheck, ...]]:
        return await session.rechecks(leaves, limit)

    found = await info.context.batches.of(("rechecks", limit), load, NONE_DONE).get(leaf_index)
    return [_shown(one) for one in found]


def _shown(one: domain.Recheck) -> Recheck:
    return Recheck(
        checked_at=Time(one.checked_at),
        status=RecheckStatus(one.status),
        trust_root=one.grounds.root_digest,
        trust=one.grounds.trust_digest,
        signer=one.signer or None,
        code=one.code or None,
        message=one.message or None,
    )
