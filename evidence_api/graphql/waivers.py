"""Waivers as readers see them: who accepted, beside the verdict, that a control is not met, and until when."""

from enum import Enum

import strawberry

from evidence_api.domain import control as domain
from evidence_api.domain.waiver import begins, days_left, ends, waiver_of
from evidence_api.domain.waiver_list import standing_of
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.evidence import Evidence, evidence_row
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.scalars import Time

_FACTS = frozenset({"facts"})
_OF_EVIDENCE = "sha256:"  # the id of a waiver that is evidence; names in a catalog hold no colon


@strawberry.enum(description="Where a waiver stands.")
class WaiverStanding(Enum):
    """domain.waiver_list.WaiverStanding, for readers."""

    _value_: str

    IN_FORCE = named("in_force", "It counts.")
    ENDS_SOON = named("ends_soon", "It counts, and ends within 30 days: the control reopens then.")
    NOT_YET = named("not_yet", "It does not count yet.")
    OVER = named("over", "It has ended, and no longer counts.")
    NEVER_COUNTS = named("never_counts", "Whoever asked for it approved it.")


@strawberry.type(
    description="A control accepted as not met, for a while, by somebody named: in the catalog, or by signed evidence."
)
class Waiver:
    """domain.control.Waiver, for readers."""

    at: strawberry.Private[Moment]
    given: strawberry.Private[domain.Waiver]
    id: str = strawberry.field(description="Its id in the catalog, or the evidence id of the override.")
    control: str = strawberry.field(description="Reference of the control.")
    reason: str = strawberry.field(description="Why it is accepted.")
    owner: str = strawberry.field(description="Who answers for it.")
    requester: str = strawberry.field(description='Who asked for it; "" where the catalog does not say.')
    approver: str = strawberry.field(description="Who approved it; approved by who asked, it never counts.")
    scope: str = strawberry.field(description='A release name, name@version or digest; "" is every release.')
    starts: Time = strawberry.field(description="The first moment at which it counts.")
    until: Time = strawberry.field(description="The first moment at which it no longer counts: the control reopens.")
    days_left: int = strawberry.field(
        description="Whole days left when the release was assessed, or at the moment a list of waivers is about."
    )
    standing: WaiverStanding = strawberry.field(description="Where it stands at that moment.")

    @resolved("The signed override; null for a waiver of the catalog.")
    async def evidence(self, info: Info) -> Evidence | None:
        """By its evidence id."""
        if not self.given.evidence:
            return None
        found: Evidence | None = await info.context.find(info, "Evidence", self.given.evidence, self.at)
        return found


async def find_waiver(info: Info, waiver_id: str, catalog_digest: str, at: Moment, assessed: Time) -> Waiver | None:
    """The waiver a finding names: of the catalog it was assessed by, or among the evidence. None where it is not on
    record any more."""
    if not waiver_id.startswith(_OF_EVIDENCE):
        index = await info.context.session.catalog(catalog_digest)
        given = None if index is None else index.waivers.get(waiver_id)
        return None if given is None else waiver_shown(given, at, assessed)
    row = await evidence_row(info, waiver_id, at, _FACTS)
    given = None if row is None or row.facts is None else waiver_of(waiver_id, row.facts)
    return None if given is None else waiver_shown(given, at, assessed)


def waiver_shown(given: domain.Waiver, at: Moment, assessed: Time) -> Waiver:
    """A waiver as a reader sees it, at the moment it was assessed or is looked at."""
    return Waiver(
        at=at,
        given=given,
        id=given.id,
        control=given.control,
        reason=given.reason,
        owner=given.owner,
        requester=given.requester,
        approver=given.approver,
        scope=given.scope,
        starts=Time(begins(given)),
        until=Time(ends(given)),
        days_left=days_left(given, assessed),
        standing=WaiverStanding(standing_of(given, assessed).value),
    )
