"""Vulnerabilities as readers see them: of a release, with what rules them out."""

import asyncio
from collections.abc import Mapping, Sequence
from enum import Enum

import strawberry

from evidence_api.domain import drift_view as domain
from evidence_api.domain.advisory import Advisory
from evidence_api.formats.fixed_versions import MAX_VERSIONS, fixed_versions
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import page_size
from evidence_api.graphql.drift import FirstOf
from evidence_api.graphql.evidence import Evidence, find_all_evidence
from evidence_api.graphql.fields import named, resolved
from evidence_api.use_cases.inventory import advisories_named

_NO_ADVISORY: Advisory | None = None


@strawberry.enum(description="Where a vulnerability of a release stands.")
class VulnerabilityStanding(Enum):
    """domain.drift_view.Standing, for readers."""

    _value_: str

    AFFECTED = named("affected", "A component has it.")
    UNDECIDED = named("undecided", "It cannot be told whether the component's version has it.")
    RULED_OUT = named("ruled_out", "VEX says that it does not apply, or not any longer.")
    FIXED = named("fixed", "The baseline was known to have it, and the release has not.")


@strawberry.enum(description="How severe the sources call a vulnerability, the worst of them.")
class Severity(Enum):
    """The words of formats/severity.py, for readers."""

    _value_: str

    CRITICAL = named("critical", "Critical.")
    HIGH = named("high", "High.")
    MEDIUM = named("medium", "Medium.")
    LOW = named("low", "Low.")
    NONE = named("none", "Rated as of no severity.")
    UNRATED = named("", "Nothing rates it.")


@strawberry.type(description="A VEX statement that rules a vulnerability out.")
class VexRuling:
    """From domain.drift_view.VulnerabilityView, for readers."""

    statement: strawberry.Private[str]
    at: strawberry.Private[Moment]
    status: str = strawberry.field(description="not_affected or fixed.")
    place: int | None = strawberry.field(description="Which statement of the document, from 0; null if not said.")

    @resolved("The signed document; null if it is not in the tree read.")
    async def evidence(self, info: Info) -> Evidence | None:
        """By its evidence id."""
        found: Evidence | None = await info.context.find(info, "Evidence", self.statement.partition("#")[0], self.at)
        return found


@strawberry.type(description="One vulnerability of one component of a release.")
class Vulnerability:
    """domain.drift_view.VulnerabilityView, for readers."""

    given: strawberry.Private[domain.VulnerabilityView]
    at: strawberry.Private[Moment]
    id: str = strawberry.field(description="The name it is shown by, e.g. CVE-2026-1234.")
    names: list[str] = strawberry.field(description="All its names, sorted.")
    standing: VulnerabilityStanding = strawberry.field(description="Where it stands.")
    severity: Severity = strawberry.field(description="How severe it is.")
    package: str = strawberry.field(description='The component\'s package URL without the version; "" if not said.')
    version: str = strawberry.field(description='The component\'s version; "" if not said, or gone.')
    is_new: bool = strawberry.field(description="Whether the baseline was not known to have it.")
    nearest_unaffected: str = strawberry.field(
        description='The nearest version without a risky vulnerability, for components that came or changed; "" if '
        "none is known."
    )
    advisories: list[str] = strawberry.field(description="Ids of OSV records that tell of it.")

    @resolved("The VEX ruling; null unless it is ruled out.")
    def ruling(self) -> VexRuling | None:
        """As the drift statement names it."""
        if not self.given.ruling:
            return None
        place = self.given.statement.partition("#")[2]
        number = int(place) if place.isascii() and place.isdecimal() else None
        return VexRuling(statement=self.given.statement, at=self.at, status=self.given.ruling, place=number)

    @resolved(
        "Versions the component is fixed in, as its advisories tell in the register as it is now, whatever tree size "
        "is read: at most 20."
    )
    async def fixed_in(self, info: Info) -> list[str]:
        """Loaded together with the advisories of the siblings."""
        session = info.context.session

        async def load(ids: Sequence[str]) -> Mapping[str, Advisory]:
            return await advisories_named(session, ids)

        batch = info.context.batches.of("advisories", load, _NO_ADVISORY)
        found = await asyncio.gather(*map(batch.get, self.advisories))
        told = (one for each in found if each is not None for one in fixed_versions(each, self.package))
        return list(dict.fromkeys(told))[:MAX_VERSIONS]

    @resolved("The SBOMs and scans that tell of it, in log order.")
    async def sources(self, info: Info, first: FirstOf = 10) -> list[Evidence]:
        """By their evidence ids."""
        told = (one.partition(":") for one in self.given.sources)
        ids = [identity for kind, _, identity in told if kind in {"sbom", "scan"}]
        return await find_all_evidence(info, ids[: page_size("first", first)], self.at)


def vulnerability_of(given: domain.VulnerabilityView, at: Moment) -> Vulnerability:
    """A vulnerability as a reader sees it."""
    return Vulnerability(
        given=given,
        at=at,
        id=given.id,
        names=list(given.names),
        standing=VulnerabilityStanding(given.standing.value),
        severity=severity_of(given.severity),
        package=given.package,
        version=given.version,
        is_new=given.new,
        nearest_unaffected=given.unaffected,
        advisories=[one.removeprefix("osv:") for one in given.sources if one.startswith("osv:")],
    )


def severity_of(word: str) -> Severity:
    """What a statement calls it; a word that is none of them rates nothing."""
    return Severity(word) if word in {one.value for one in Severity} else Severity.UNRATED
