"""What the server derived of what is in a release: drift, vulnerabilities, debt, builds."""

from typing import Annotated

import strawberry

from evidence_api.domain.reading import ReleaseView
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect_ordered
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, page_size
from evidence_api.graphql.dependency_debt import DependencyDebt, ReproducibleBuild, build_of, debt_of
from evidence_api.graphql.derived import DEPENDENCY_DEBT, REPRODUCIBLE_BUILD, derived_of, predicate_of
from evidence_api.graphql.drift import Drift, FirstOf, drift_of, drift_shown
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.vulnerabilities import (
    Severity,
    Vulnerability,
    VulnerabilityStanding,
    severity_of,
    vulnerability_of,
)


@strawberry.type(description="What is in a release.")
class ReleaseInventory:
    """Inherited by Release."""

    row: strawberry.Private[ReleaseView]
    at: strawberry.Private[Moment]

    @resolved("What changed since its baseline; null before the server derived it, and without an SBOM.")
    async def drift(self, info: Info) -> Drift | None:
        """Loaded together with those of sibling releases."""
        return drift_shown(await drift_of(info, self.row, self.at), self.at)

    @resolved(
        "Vulnerabilities of its components as the drift statement tells them: affected ones first, the worst of them "
        "first. `drift.analysed` says whether none means none."
    )
    async def vulnerabilities(  # noqa: PLR0913, PLR0917  Relay's four, and three filters
        self,
        info: Info,
        standing: Annotated[
            list[VulnerabilityStanding] | None,
            strawberry.argument(description="Only where they stand so; all without it."),
        ] = None,
        severity: Annotated[
            list[Severity] | None, strawberry.argument(description="Only of these severities; all without it.")
        ] = None,
        package: Annotated[
            str | None, strawberry.argument(description="Only of this package, as written; all without it.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Vulnerability]:
        """From the statement."""
        found = await drift_of(info, self.row, self.at)
        standings = {one.value for one in standing or VulnerabilityStanding}
        severities = set(severity or Severity)
        hashed = filter_hash(
            "vulnerabilities",
            statement=found[0].id if found else "",
            standings=sorted(standings),
            severities=sorted(one.value for one in severities),
            package=package,
        )
        chosen = [
            vulnerability_of(one, self.at)
            for one in (found[1].vulnerabilities if found else ())
            if one.standing.value in standings
            and severity_of(one.severity) in severities
            and (package is None or one.package == package)
        ]
        return connect_ordered(hashed, Paging(first, after, last, before), chosen)

    @resolved("What it owes to its dependencies; null before the server derived it, and without an SBOM.")
    async def dependency_debt(self, info: Info) -> DependencyDebt | None:
        """Loaded together with those of sibling releases."""
        for one in await derived_of(info, self.row, self.at):
            if one.kind == DEPENDENCY_DEBT:
                predicate = await predicate_of(info, one)
                return None if predicate is None else debt_of(predicate, one, self.at)
        return None

    @resolved("Comparisons of builds of its sources by different builders, the newest first.")
    async def reproducible_builds(self, info: Info, first: FirstOf = 10) -> list[ReproducibleBuild]:
        """Loaded together with those of sibling releases."""
        found = [one for one in await derived_of(info, self.row, self.at) if one.kind == REPRODUCIBLE_BUILD]
        read = [(one, await predicate_of(info, one)) for one in found[: page_size("first", first)]]
        return [build_of(predicate, one, self.at) for one, predicate in read if predicate is not None]
