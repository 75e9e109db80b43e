"""Dependency debt and reproducible builds as readers see them: two more things the server derives of a release."""

from collections.abc import Mapping
from typing import Any

import strawberry

from evidence_api.domain import evidence as log
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect_ordered
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, page_size
from evidence_api.graphql.drift import FirstOf
from evidence_api.graphql.evidence import Evidence, find_all_evidence
from evidence_api.graphql.fields import resolved


@strawberry.type(description="What one component owes: by age, vulnerabilities and place in the graph.")
class ComponentDebt:
    """domain.dependency_debt.ComponentDebt, for readers."""

    package: str = strawberry.field(description="Its package URL without the version, or its name.")
    version: str = strawberry.field(description="Its version.")
    severity: str | None = strawberry.field(description="The worst severity of its vulnerabilities; null if none.")
    vulnerabilities: int = strawberry.field(description="How many it has.")
    days_behind: int | None = strawberry.field(
        description="Days from its version's release to that of the newest one known; null where not known."
    )
    rank: float = strawberry.field(description="Its place in the dependency graph: 1 is average.")
    score: float = strawberry.field(description="What it owes, 0 or more.")


@strawberry.type(description="How much a release owes to its dependencies, as the server derived and signed it.")
class DependencyDebt:
    """A dependency-debt statement, for readers."""

    given: strawberry.Private[Mapping[str, Any]]
    statement: strawberry.Private[log.Evidence]
    at: strawberry.Private[Moment]
    analysed: bool = strawberry.field(description="Whether anything spoke of vulnerabilities.")
    ranked: bool = strawberry.field(description="Whether an SBOM stated a graph; if not, every rank is 1.")
    count: int = strawberry.field(description="How many components there are.")
    outdated: int = strawberry.field(description="How many are known to be behind.")
    total: float | None = strawberry.field(description="What all of them owe; null where nothing was analysed.")

    @resolved("The signed statement.")
    async def evidence(self, info: Info) -> Evidence:
        """By its evidence id."""
        (found,) = await find_all_evidence(info, [self.statement.id], self.at)
        return found

    @resolved("The components that owe something, the most indebted first.")
    def components(
        self, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[ComponentDebt]:
        """From the statement."""
        hashed = filter_hash("debt", statement=self.statement.id)
        rows = [_component(one) for one in self.given.get("components") or () if isinstance(one, Mapping)]
        return connect_ordered(hashed, Paging(first, after, last, before), rows)


@strawberry.type(description="Builds of one source by different builders, compared by the server.")
class ReproducibleBuild:
    """A reproducible-build statement, for readers."""

    given: strawberry.Private[Mapping[str, Any]]
    statement: strawberry.Private[log.Evidence]
    at: strawberry.Private[Moment]
    status: str = strawberry.field(description="reproduced, partial or differs.")
    source: str = strawberry.field(description="The source's digest.")
    builders: list[str] = strawberry.field(description="Who built it, each once, sorted.")

    @resolved("The signed statement.")
    async def evidence(self, info: Info) -> Evidence:
        """By its evidence id."""
        (found,) = await find_all_evidence(info, [self.statement.id], self.at)
        return found

    @resolved("The provenance of the builds compared.")
    async def builds(self, info: Info, first: FirstOf = 10) -> list[Evidence]:
        """By their evidence ids."""
        ids = [_text(one.get("evidence")) for one in self.given.get("builds") or () if isinstance(one, Mapping)]
        return await find_all_evidence(info, ids[: page_size("first", first)], self.at)

    @resolved("Names of what everybody built the same.")
    def matching(self, first: FirstOf = 20) -> list[str]:
        """The first of them."""
        return _texts(self.given.get("matching"))[: page_size("first", first)]

    @resolved("Names of what came out differently.")
    def mismatched(self, first: FirstOf = 20) -> list[str]:
        """The first of them."""
        return _texts(self.given.get("mismatched"))[: page_size("first", first)]

    @resolved("Names of what only one builder made.")
    def alone(self, first: FirstOf = 20) -> list[str]:
        """The first of them."""
        return _texts(self.given.get("alone"))[: page_size("first", first)]


def debt_of(given: Mapping[str, Any], statement: log.Evidence, at: Moment) -> DependencyDebt:
    """A statement as a reader sees it; what it does not say is nothing."""
    totals = given.get("totals")
    said: Mapping[str, Any] = totals if isinstance(totals, Mapping) else {}
    return DependencyDebt(
        given=given,
        statement=statement,
        at=at,
        analysed=given.get("analysed") is True,
        ranked=given.get("ranked") is True,
        count=_whole(said.get("components")) or 0,
        outdated=_whole(said.get("outdated")) or 0,
        total=_number(said.get("total")),
    )


def build_of(given: Mapping[str, Any], statement: log.Evidence, at: Moment) -> ReproducibleBuild:
    """A statement as a reader sees it."""
    builds = [one for one in given.get("builds") or () if isinstance(one, Mapping)]
    return ReproducibleBuild(
        given=given,
        statement=statement,
        at=at,
        status=_text(given.get("status")),
        source=statement.series,
        builders=sorted({_text(one.get("builder")) for one in builds}),
    )


def _component(one: Mapping[str, Any]) -> ComponentDebt:
    severity = _text(one.get("severity"))
    return ComponentDebt(
        package=_text(one.get("package")),
        version=_text(one.get("version")),
        severity=severity or None,
        vulnerabilities=_whole(one.get("vulnerabilities")) or 0,
        days_behind=_whole(one.get("days_behind")),
        rank=_number(one.get("rank")) or 0.0,
        score=_number(one.get("score")) or 0.0,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
