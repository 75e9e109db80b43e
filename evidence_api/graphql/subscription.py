"""The root of what goes on: fields that give an event each time something is added, in the order of commits."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar

import strawberry

from evidence_api.domain.errors import Malformed
from evidence_api.domain.kinds import KINDS
from evidence_api.domain.reading import EvidenceFilter
from evidence_api.graphql.assessments import Assessment, find_assessment
from evidence_api.graphql.context import Info, Moment, Operation
from evidence_api.graphql.evidence import Evidence, find_evidence
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.ids import key_of
from evidence_api.graphql.releases import Release, find_release
from evidence_api.use_cases.events import AssessmentSource, Events, EvidenceSource
from evidence_api.use_cases.reads import Reads

P = ParamSpec("P")
T = TypeVar("T")

After = Annotated[
    int | None,
    strawberry.argument(
        description="The position you have come to; 0 begins with the first. Without it, and without a Last-Event-ID: "
        "from now on."
    ),
]
OfRelease = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Of this release alone (its id, or the evidence id of its statement)."),
]


@dataclass(slots=True, kw_only=True)
class Streaming(Operation):
    """One subscription. `session` is that of the event being answered; `resume` the Last-Event-ID of the request."""

    reads: Reads
    events: Events
    resume: int | None = None
    position: int | None = None

    def seen(self, position: int) -> None:
        """Everything up to here was taken."""
        self.position = position


def streaming_of(info: Info) -> Streaming:
    """The operation of a subscription's resolver."""
    if not isinstance(info.context, Streaming):  # graphql/streaming.py makes no others
        raise TypeError(type(info.context))
    return info.context


def streamed(description: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a generator a field of the subscription type, described."""
    decorate: Callable[[Callable[P, T]], Callable[P, T]] = strawberry.subscription(description=description)
    return decorate


@strawberry.type(description="A piece of evidence was added to the log.")
class EvidenceAdded:
    """One leaf, as it was added."""

    evidence_id: str = strawberry.field(description="The evidence's identity.")
    position: int = strawberry.field(description="Where to go on: the size of the tree that ends with its leaf.")
    kind: str = strawberry.field(description="What catalog queries call this sort of evidence.")

    @resolved("The record, as it was then.")
    async def evidence(self, info: Info) -> Evidence | None:
        """At the tree that ends with it."""
        return await find_evidence(info, self.evidence_id, Moment(self.position, pinned=True))


@strawberry.type(description="A release was assessed; its verdicts may have changed.")
class AssessmentChanged:
    """One assessment, as it was recorded."""

    key: strawberry.Private[str]
    release_key: strawberry.Private[str]
    position: int = strawberry.field(description="Where to go on: assessments are numbered in the order of commits.")

    @resolved("The assessment.")
    async def assessment(self, info: Info) -> Assessment | None:
        """At the newest tree."""
        at = Moment(await info.context.session.tree_size(None), pinned=False)
        return await find_assessment(info, self.key, at)

    @resolved("The release that was assessed.")
    async def release(self, info: Info) -> Release | None:
        """At the newest tree."""
        at = Moment(await info.context.session.tree_size(None), pinned=False)
        return await find_release(info, self.release_key, at)


@strawberry.type(
    description="Streams over server-sent events (text/event-stream, graphql-sse's distinct connections mode). Each "
    "`next` has an id, the position: whoever comes back with it as Last-Event-ID, or as `after`, gets what follows, "
    "without a gap and nothing twice. Each event is charged like an answer of its own; over the rate a stream waits."
)
class Subscription:
    """Root fields; each is the only one of its operation."""

    @streamed("Evidence as it is added to the log, whatever its status, in the order of leaves.")
    async def evidence_added(
        self,
        info: Info,
        kind: Annotated[list[str] | None, strawberry.argument(description="Of any of these kinds.")] = None,
        release: OfRelease = None,
        after: After = None,
    ) -> AsyncGenerator[EvidenceAdded, None]:
        """Read from the log itself, batch by batch."""
        context = streaming_of(info)
        chosen = EvidenceFilter(kinds=checked_kinds(kind), release=_release(release), statuses=())
        source = EvidenceSource(context.reads, context.principal, chosen)
        begin = after if context.resume is None else context.resume
        async for one in context.events.follow(context.principal.tenant, source, begin, context.seen):
            yield EvidenceAdded(evidence_id=one.item.id, position=one.position, kind=one.item.kind)

    @streamed("Assessments as they are recorded, in the order of their commits.")
    async def assessment_changed(
        self, info: Info, release: OfRelease = None, after: After = None
    ) -> AsyncGenerator[AssessmentChanged, None]:
        """Read from their numbers, batch by batch."""
        context = streaming_of(info)
        source = AssessmentSource(context.reads, context.principal, _release(release))
        begin = after if context.resume is None else context.resume
        async for one in context.events.follow(context.principal.tenant, source, begin, context.seen):
            yield AssessmentChanged(key=str(one.item.assessment), release_key=one.item.release, position=one.position)


def checked_kinds(given: list[str] | None) -> tuple[str, ...]:
    """The kinds asked for. Raises Malformed `unknown_kind`."""
    for kind in given or ():
        if kind not in KINDS:
            raise Malformed(f"there is no kind {kind[:80]!r}", code="unknown_kind", path="kind", value=kind[:80])
    return tuple(sorted(set(given or ())))


def _release(given: strawberry.ID | None) -> str | None:
    """What is not a release's id matches nothing."""
    return None if given is None else key_of(given, "Release") or "-"


def position_of(event: Any) -> int | None:  # noqa: ANN401  one of the events above
    """The position of an event."""
    return event.position if isinstance(event, EvidenceAdded | AssessmentChanged) else None
