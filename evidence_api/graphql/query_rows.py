"""One query of a finding as readers see it: the rows it looked at, as ids and as records."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, TypeAlias

import strawberry

from evidence_api.domain.page import Page
from evidence_api.domain.reading import EvidenceFilter, EvidenceView
from evidence_api.graphql.connections import After, Before, Connection, First, Last
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, page_size
from evidence_api.graphql.evidence import NO_EVIDENCE, Evidence, connect_evidence, evidence_window, listing_of
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.scalars import Outcome


@strawberry.enum(description="What a row of evidence says to a query.")
class RowStanding(Enum):
    """Names of the parts of domain.verdict.QueryResult, for readers."""

    _value_: str

    MATCHED = named("matched", "It satisfies the condition.")
    FAILED = named("failed", "It contradicts the condition.")
    UNKNOWN = named("unknown", "It does not say enough.")
    STALE = named("stale", "It is too old to count.")
    WITHHELD = named("withheld", "Its bytes were erased: it can never help to pass.")
    UNVERIFIED = named("unverified", "It is not verified: shown, and never counted.")


Standings: TypeAlias = Annotated[
    list[RowStanding] | None, strawberry.argument(description="Only rows of these standings; all without it.")
]


Ids: TypeAlias = Annotated[int, strawberry.argument(description="How many ids at most, up to 100.")]


@strawberry.type(description="One query of a control: the rows it looked at, parted by what they say.")
class QueryResult:
    """domain.verdict.QueryResult, for readers."""

    given: strawberry.Private[Mapping[str, Any]]
    at: strawberry.Private[Moment]
    name: str = strawberry.field(description='The query\'s name; "" if the control gave none.')
    kind: str = strawberry.field(description="The kind of evidence it ranges over.")
    where: str = strawberry.field(description="The condition as the control has it.")
    outcome: Outcome = strawberry.field(description="The outcome of this query alone.")
    population: int = strawberry.field(description="How many current rows of the kind the release has.")
    tested: int = strawberry.field(description="How many of them were looked at.")
    because: str = strawberry.field(description="Why it came out so.")
    absent: list[str] = strawberry.field(description="Facts that unknown rows do not state.")
    lacking: list[str] = strawberry.field(description="Subjects of the release without enough rows.")

    @resolved("The rows it looked at as evidence, in log order.")
    async def rows(  # noqa: PLR0913, PLR0917  Relay's four, and a filter
        self,
        info: Info,
        standing: Standings = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Evidence]:
        """Loaded together with the rows of sibling queries."""
        return await connect_rows(info, self.given, standing, Paging(first, after, last, before), self.at)

    @resolved("Evidence ids of rows that satisfy the condition.")
    def matched(self, first: Ids = 20) -> list[str]:
        """Rows that are true."""
        return self._ids("matched", first)

    @resolved("Evidence ids of rows that contradict the condition.")
    def failed(self, first: Ids = 20) -> list[str]:
        """Rows that are false."""
        return self._ids("failed", first)

    @resolved("Evidence ids of rows that do not say enough.")
    def unknown(self, first: Ids = 20) -> list[str]:
        """Rows that are neither true nor false."""
        return self._ids("unknown", first)

    @resolved("Evidence ids of rows too old to count.")
    def stale(self, first: Ids = 20) -> list[str]:
        """Rows whose clock is over the limit."""
        return self._ids("stale", first)

    @resolved("Evidence ids of rows whose bytes were erased: they can never help to pass.")
    def withheld(self, first: Ids = 20) -> list[str]:
        """Rows without a body."""
        return self._ids("withheld", first)

    @resolved("Evidence ids of rows that are not verified: shown, and never counted.")
    def unverified(self, first: Ids = 20) -> list[str]:
        """Rows that do not count."""
        return self._ids("unverified", first)

    def _ids(self, name: str, first: int) -> list[str]:
        return list(self.given.get(name) or ())[: page_size("first", first)]


def query_of(given: Mapping[str, Any], at: Moment) -> QueryResult:
    """A query's result as formats/records.py writes it."""
    return QueryResult(
        given=given,
        at=at,
        name=given["name"],
        kind=given["kind"],
        where=given["where"],
        outcome=Outcome(given["outcome"]),
        population=given["population"],
        tested=given["tested"],
        because=given.get("because", ""),
        absent=list(given.get("absent", ())),
        lacking=list(given.get("lacking", ())),
    )


async def connect_rows(
    info: Info, given: Mapping[str, Any], standings: Sequence[RowStanding] | None, paging: Paging, at: Moment
) -> Connection[Evidence]:
    """A page of the rows of one query, in log order, loaded together with those of its siblings."""
    chosen = standings or tuple(RowStanding)
    ids = tuple(dict.fromkeys(one for part in chosen for one in given.get(part.value) or ()))
    window, hashed = evidence_window(f"rows:{','.join(sorted(ids))}", EvidenceFilter(statuses=()), paging)
    listing = listing_of(info, window, at)
    session = info.context.session

    async def load(sets: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Page[EvidenceView]]:
        return dict(zip(sets, await session.evidence_among(sets, listing), strict=True))

    page = await info.context.batches.of(("among", listing), load, NO_EVIDENCE).get(ids) if ids else NO_EVIDENCE
    return connect_evidence(page, window, hashed, at)
