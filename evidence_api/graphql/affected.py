"""A vulnerability over all releases, as readers see it: in which it stands how."""

import strawberry

from evidence_api.domain.reading import ReleaseView
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.evidence import Evidence, find_all_evidence
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.releases import Release, release_of
from evidence_api.graphql.vulnerabilities import Severity, VulnerabilityStanding, severity_of
from evidence_api.store import vulnerabilities as store


@strawberry.type(description="A release, and where a vulnerability stands in it.")
class AffectedRelease:
    """store.vulnerabilities.AffectedRelease, for readers."""

    row: strawberry.Private[ReleaseView]
    statement: strawberry.Private[str]
    at: strawberry.Private[Moment]
    id: str = strawberry.field(description="The name the release's drift statement gives it first.")
    standing: VulnerabilityStanding = strawberry.field(
        description="Where it stands: affected as soon as one component is."
    )
    severity: Severity = strawberry.field(description="How severe it is in the worst of the components.")
    packages: list[str] = strawberry.field(description="The components, as package@version; the first hundred.")

    @resolved("The release.")
    def release(self) -> Release:
        """Read already."""
        return release_of(self.row, self.at)

    @resolved("The signed drift statement that tells so.")
    async def evidence(self, info: Info) -> Evidence:
        """By its evidence id."""
        (found,) = await find_all_evidence(info, [self.statement], self.at)
        return found


def affected_of(given: store.AffectedRelease, at: Moment) -> AffectedRelease:
    """A row as a reader sees it."""
    told = given.vulnerability
    return AffectedRelease(
        row=given.release,
        statement=given.statement,
        at=at,
        id=told.id,
        standing=VulnerabilityStanding(told.standing.value),
        severity=severity_of(told.severity),
        packages=list(told.packages),
    )
