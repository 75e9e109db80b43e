"""Drift as readers see it: what changed in a release since its baseline."""

from enum import Enum
from typing import Annotated, TypeAlias

import strawberry

from evidence_api.domain import drift_view as domain
from evidence_api.domain import evidence as log
from evidence_api.domain.reading import ReleaseView
from evidence_api.formats.drift_reading import read_drift
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect_ordered
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, page_size
from evidence_api.graphql.derived import SBOM_DRIFT, derived_of, predicate_of
from evidence_api.graphql.evidence import Evidence, find_all_evidence
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.scalars import Json

FirstOf: TypeAlias = Annotated[int, strawberry.argument(description="How many at most, up to 100.")]


@strawberry.enum(description="What happened to a component since the baseline.")
class ComponentChangeKind(Enum):
    """The lists of a drift statement, for readers."""

    _value_: str

    ADDED = named("added", "It came.")
    REMOVED = named("removed", "It went.")
    UPGRADED = named("upgraded", "It has a later version.")
    DOWNGRADED = named("downgraded", "It has an earlier version.")
    CHANGED = named("changed", "It has another version, of which no order can be told.")
    REHASHED = named("rehashed", "The same version has other bytes.")
    SUPPLIER_CHANGED = named("supplier_changed", "Somebody else supplies it.")
    LICENCE_CHANGED = named("licence_changed", "It is under another licence.")


@strawberry.type(description="One component that came, went or changed since the baseline.")
class ComponentChange:
    """domain.drift_view.ComponentChange, for readers."""

    kind: ComponentChangeKind = strawberry.field(description="What happened to it.")
    package: str = strawberry.field(description="Its package URL without the version, or its name.")
    version: str = strawberry.field(description='Its version now; "" if it is gone.')
    before: list[str] = strawberry.field(description="The version, or the values of what changed, in the baseline.")
    after: list[str] = strawberry.field(description="The same now.")


@strawberry.type(description="A component that came or changed, and that the policy of risks is about.")
class RiskyComponent:
    """domain.drift_view.RiskyComponent, for readers."""

    package: str = strawberry.field(description="Its package URL without the version, or its name.")
    before: str = strawberry.field(description='The version in the baseline; "" if it was not there.')
    after: str = strawberry.field(description="The version now.")
    vulnerabilities: list[str] = strawberry.field(description="Vulnerabilities severe enough to be risky.")
    licences: list[str] = strawberry.field(description="Classes of licences newly come.")
    unaffected: str = strawberry.field(
        description='The nearest version without such a vulnerability, as advisories tell; "" if none is known.'
    )


@strawberry.type(
    description="What changed in a release since its baseline, the newest green release of the product before it. "
    "The server derived it from both SBOMs, and signed it."
)
class Drift:
    """domain.drift_view.DriftView, for readers."""

    given: strawberry.Private[domain.DriftView]
    statement: strawberry.Private[log.Evidence]
    at: strawberry.Private[Moment]
    status: str = strawberry.field(description="none, drift, risky or no_baseline.")
    analysed: bool = strawberry.field(
        description="Whether anything spoke of vulnerabilities; if not, that none is listed means nothing."
    )
    advisories: str = strawberry.field(description='sha256:<hex> of the advisories matched; "" if none were.')
    counts: Json = strawberry.field(description="How many of everything, by name; unlike the lists, never cut short.")

    @resolved("The signed statement.")
    async def evidence(self, info: Info) -> Evidence:
        """By its evidence id."""
        (found,) = await find_all_evidence(info, [self.statement.id], self.at)
        return found

    @resolved("The SBOMs of the release that were compared, in log order.")
    async def sboms(self, info: Info, first: FirstOf = 10) -> list[Evidence]:
        """By their evidence ids."""
        return await find_all_evidence(info, self.given.sboms[: page_size("first", first)], self.at)

    @resolved("The SBOMs of the baseline; null without a baseline.")
    async def baseline_sboms(self, info: Info, first: FirstOf = 10) -> list[Evidence] | None:
        """By their evidence ids."""
        if self.given.baseline is None:
            return None
        return await find_all_evidence(info, self.given.baseline[: page_size("first", first)], self.at)

    @resolved("What happened to components, by kind, then package.")
    def changes(
        self,
        kind: Annotated[
            list[ComponentChangeKind] | None, strawberry.argument(description="Only of these kinds; all without it.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[ComponentChange]:
        """From the statement."""
        kinds = {one.value for one in kind or ComponentChangeKind}
        hashed = filter_hash("changes", statement=self.statement.id, kinds=sorted(kinds))
        chosen = [_change(one) for one in self.given.changes if one.kind in kinds]
        return connect_ordered(hashed, Paging(first, after, last, before), chosen)

    @resolved("Components that came or changed and are risky, with the nearest version that is not.")
    def risky(
        self, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[RiskyComponent]:
        """From the statement."""
        hashed = filter_hash("risky", statement=self.statement.id)
        return connect_ordered(hashed, Paging(first, after, last, before), [_risky(one) for one in self.given.risky])


async def drift_of(info: Info, release: ReleaseView, at: Moment) -> tuple[log.Evidence, domain.DriftView] | None:
    """The drift statement in force about a release, and what it says, loaded together with the siblings'."""
    statement = next((one for one in await derived_of(info, release, at) if one.kind == SBOM_DRIFT), None)
    if statement is None:
        return None
    predicate = await predicate_of(info, statement)
    return None if predicate is None else (statement, read_drift(predicate))


def drift_shown(found: tuple[log.Evidence, domain.DriftView] | None, at: Moment) -> Drift | None:
    """A drift as a reader sees it."""
    if found is None:
        return None
    statement, given = found
    return Drift(
        given=given,
        statement=statement,
        at=at,
        status=given.status,
        analysed=given.analysed,
        advisories=given.advisories,
        counts=Json(dict(sorted(given.counts.items()))),
    )


def _change(one: domain.ComponentChange) -> ComponentChange:
    kind = ComponentChangeKind(one.kind)
    return ComponentChange(
        kind=kind, package=one.package, version=one.version, before=list(one.before), after=list(one.after)
    )


def _risky(one: domain.RiskyComponent) -> RiskyComponent:
    return RiskyComponent(
        package=one.package,
        before=one.before,
        after=one.after,
        vulnerabilities=list(one.vulnerabilities),
        licences=list(one.licences),
        unaffected=one.unaffected,
    )
