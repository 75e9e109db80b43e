"""The catalog as readers see it: frameworks, their criteria, the controls mapped to them, the verdict on each."""

from typing import Annotated

import strawberry

from evidence_api.domain import control as domain
from evidence_api.domain.reading import AssessmentView
from evidence_api.graphql.assessments import (
    CriterionResult,
    Finding,
    criteria_rows,
    criterion_of,
    finding_in,
    latest_row,
)
from evidence_api.graphql.connections import After, AsOf, Before, Connection, First, Last, connect_ordered
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.ids import encode_id, key_of
from evidence_api.graphql.nodes import Node
from evidence_api.graphql.releases import moment_of
from evidence_api.graphql.verdicts import Verdict, connect_history
from evidence_api.use_cases.catalog_versions import CatalogIndex

ReleaseId = Annotated[
    strawberry.ID, strawberry.argument(description="The release's id, or the evidence id of its statement.")
]


@strawberry.type(description="One query of a control: what evidence it wants, and what must be true of it.")
class ControlQuery:
    """domain.control.Query, for readers."""

    name: str = strawberry.field(description='Its name; "" if none.')
    kind: str = strawberry.field(description="The kind of evidence it ranges over.")
    where: str = strawberry.field(description="The condition as written.")
    at_least: int = strawberry.field(description="How many rows must satisfy it.")
    per: str = strawberry.field(description="Counted over the release, each subject, or each occurrence.")
    max_age_seconds: int | None = strawberry.field(description="Older evidence is stale; null if age does not matter.")
    clock: str | None = strawberry.field(description="The clock the age is measured on; null without an age.")
    on_empty: str = strawberry.field(description="The outcome without any row: missing or not_applicable.")
    on_empty_reason: str = strawberry.field(description='Why it does not apply without any row; "" if not said.')
    population: str = strawberry.field(description='Which rows of the kind it is about, as written; "" if all.')
    sample_size: int | None = strawberry.field(description="How many rows are tested; null if all.")
    sample_seed: str = strawberry.field(description='What the sample is drawn by; "" without a sample.')


@strawberry.type(description="Who looked at a control or a mapping last, and when.")
class Review:
    """domain.control.Review, for readers."""

    by: str = strawberry.field(description="Who.")
    on: str = strawberry.field(description="The day, YYYY-MM-DD.")


@strawberry.type(description="What the organisation holds itself to, and the evidence that decides it.")
class Control(Node):
    """domain.control.Control, for readers."""

    given: strawberry.Private[domain.Control]
    index: strawberry.Private[CatalogIndex]
    at: strawberry.Private[Moment | None]
    ref: str = strawberry.field(description="Its reference, e.g. IG-SC-5.")
    catalog_digest: str = strawberry.field(description="sha256:<hex> of the catalog it is read from.")
    title: str = strawberry.field(description="Its title.")
    statement: str = strawberry.field(description="What it demands.")
    state: str = strawberry.field(description="active, draft, deprecated or retired; only active and deprecated run.")
    replaced_by: str = strawberry.field(description='The control that replaces it; "" if none.')
    tier: int | None = strawberry.field(description="Its tier; null if not said.")
    severity: str = strawberry.field(description="How much it matters; free text.")
    owner: str = strawberry.field(description="Who is responsible.")
    frequency: str = strawberry.field(description="How often it operates.")
    method: list[str] = strawberry.field(description="How it is tested: inspection, reperformance, inquiry.")
    combine: str = strawberry.field(description="Whether all of its queries must pass, or any.")
    fix: str = strawberry.field(description="The hint shown when it does not pass.")
    policy: str = strawberry.field(description='The Rego rule that decides it in place of queries; "" if none.')
    queries: list[ControlQuery] = strawberry.field(description="Its queries, in order.")
    reviewed: Review | None = strawberry.field(description="Who looked at it last; null if not said.")

    @resolved("The framework criteria it is mapped to.")
    def criteria(self) -> list["Criterion"]:
        """In the catalog's order, each once."""
        pairs = dict.fromkeys((one.framework, one.ref) for one in self.index.mappings_of_control(self.given.id))
        return [found for pair in pairs if (found := criterion_in(self.index, *pair, self.at)) is not None]

    @resolved("Its verdict in the assessment of a release in force; null if there is none.")
    async def finding(self, info: Info, release: ReleaseId, as_of: AsOf = None) -> Finding | None:
        """Loaded together with those of sibling controls."""
        row, at = await _latest(info, release, as_of, self.at)
        return None if row is None else await finding_in(info, row, self.given.id, at)

    @resolved("Its verdicts in the assessments of a release, oldest first; empty where there is no such release.")
    async def history(  # noqa: PLR0913, PLR0917  a release, Relay's four and a size
        self,
        info: Info,
        release: ReleaseId,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        as_of: AsOf = None,
    ) -> Connection[Verdict]:
        """Loaded together with those of sibling controls."""
        at = self.at if as_of is None and self.at is not None else await moment_of(info, as_of)
        paging = Paging(first, after, last, before)
        return await connect_history(info, key_of(release, "Release") or "-", self.given.id, paging, at)


@strawberry.type(description="What a mapping says of one of its controls.")
class MappingNote:
    """An entry of domain.control.CriterionMapping.notes, for readers."""

    control: str = strawberry.field(description="Reference of the control.")
    note: str = strawberry.field(description="What of the criterion it covers, or does not.")


@strawberry.type(description="How a criterion is mapped to controls. It relates them; it does not certify anything.")
class CriterionMapping:
    """domain.control.CriterionMapping, for readers."""

    external: str = strawberry.field(description="The criterion as the mapping names it, e.g. SOC2-CC7.2.")
    relation: str = strawberry.field(description="A word of NIST IR 8477, or relates_to.")
    narrative: str = strawberry.field(description="Why the controls bear on the criterion.")
    controls: list[str] = strawberry.field(description="References of the controls.")
    partial: list[str] = strawberry.field(description="Those of them that cover it only in part.")
    notes: list[MappingNote] = strawberry.field(description="What is said of single controls.")
    text: str = strawberry.field(description="Whose words the narrative is: own, or the licence it is quoted under.")
    also_known_as: list[str] = strawberry.field(description="Other names of the criterion.")
    reviewed: Review | None = strawberry.field(description="Who looked at the mapping last; null if not said.")


@strawberry.type(description="One criterion of a framework.")
class Criterion(Node):
    """domain.control.Criterion, for readers."""

    index: strawberry.Private[CatalogIndex]
    framework_ref: strawberry.Private[str]
    at: strawberry.Private[Moment | None]
    ref: str = strawberry.field(description="Its reference within the framework, e.g. CC7.2.")
    shown: str = strawberry.field(description="How auditors are shown it, e.g. AICPA TSC CC7.2.")
    title: str = strawberry.field(description="Its title.")
    text: str = strawberry.field(description='Its text where the licence allows to quote it; otherwise "".')
    mappings: list[CriterionMapping] = strawberry.field(description="How it is mapped to controls.")

    @resolved("The framework it belongs to.")
    def framework(self) -> "Framework":
        """In the same catalog."""
        return framework_of(self.index.frameworks[self.framework_ref], self.index, self.at)

    @resolved("The controls mapped to it; none means it is unmapped.")
    def controls(self) -> list[Control]:
        """In the catalog's order, each once."""
        mappings = self.index.mappings_of_criterion(self.framework_ref, self.ref)
        refs = dict.fromkeys(ref for mapping in mappings for ref in mapping.maps_to)
        return [control_of(self.index.controls[ref], self.index, self.at) for ref in refs if ref in self.index.controls]

    @resolved("Its roll-up in the assessment of a release in force; null if there is none.")
    async def result(self, info: Info, release: ReleaseId, as_of: AsOf = None) -> CriterionResult | None:
        """Loaded together with those of sibling criteria."""
        row, at = await _latest(info, release, as_of, self.at)
        if row is None:
            return None
        for one in await criteria_rows(info, row.id):
            if (one["framework"], one["ref"]) == (self.framework_ref, self.ref):
                return criterion_of(one, row.catalog_digest, at)
        return None


@strawberry.type(description="A framework that controls are mapped to, under the name auditors know.")
class Framework(Node):
    """domain.control.Framework, for readers."""

    given: strawberry.Private[domain.Framework]
    index: strawberry.Private[CatalogIndex]
    at: strawberry.Private[Moment | None]
    ref: str = strawberry.field(description="Its reference, e.g. aicpa-tsc.")
    catalog_digest: str = strawberry.field(description="sha256:<hex> of the catalog it is read from.")
    title: str = strawberry.field(description="Its title, e.g. AICPA TSC.")
    edition: str = strawberry.field(description="The edition.")
    licence: str = strawberry.field(
        description="What may be shown of it: own (ids, and titles in our own words), public_domain, cc0, apache-2.0, "
        "by_permission."
    )
    credit: str = strawberry.field(description='Whom to credit for what is quoted of it; "" if nobody is named.')
    aliases: list[str] = strawberry.field(description="Other names mappings may use for it.")

    @resolved("Its criteria, in the framework's order.")
    def criteria(
        self, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Criterion]:
        """From the catalog in memory."""
        at, index, framework = self.at, self.index, self.given
        return connect_ordered(
            filter_hash("framework", framework=self.id),
            Paging(first, after, last, before),
            [criterion_of_catalog(framework, one, index, at) for one in framework.criteria],
        )

    @resolved("One of its criteria; null if it has none of that reference.")
    def criterion(
        self, ref: Annotated[str, strawberry.argument(description="The criterion's reference, e.g. CC7.2.")]
    ) -> Criterion | None:
        """By reference."""
        return criterion_in(self.index, self.given.id, ref, self.at)


def control_of(given: domain.Control, index: CatalogIndex, at: Moment | None) -> Control:
    """A control as a reader sees it."""
    return Control(
        id=strawberry.ID(encode_id("Control", f"{index.digest}/{given.id}")),
        given=given,
        index=index,
        at=at,
        ref=given.id,
        catalog_digest=index.digest,
        title=given.title,
        statement=given.statement,
        state=given.state,
        replaced_by=given.replaced_by,
        tier=given.tier,
        severity=given.severity,
        owner=given.owner,
        frequency=given.frequency,
        method=list(given.method),
        combine=given.combine.value,
        fix=given.fix,
        policy=given.policy,
        queries=[_query_of(one) for one in given.queries],
        reviewed=_review_of(given.reviewed),
    )


def _review_of(given: domain.Review | None) -> Review | None:
    return None if given is None else Review(by=given.by, on=given.on.isoformat())


def _query_of(given: domain.Query) -> ControlQuery:
    return ControlQuery(
        name=given.name,
        kind=given.kind,
        where=given.source,
        at_least=given.at_least,
        per=given.per.value,
        max_age_seconds=None if given.fresh is None else int(given.fresh.max_age.total_seconds()),
        clock=None if given.fresh is None else given.fresh.clock,
        on_empty=given.on_empty,
        on_empty_reason=given.on_empty_reason,
        population=given.population_source,
        sample_size=given.sample.size,
        sample_seed=given.sample.seed,
    )


def framework_of(given: domain.Framework, index: CatalogIndex, at: Moment | None) -> Framework:
    """A framework as a reader sees it."""
    return Framework(
        id=strawberry.ID(encode_id("Framework", f"{index.digest}/{given.id}")),
        given=given,
        index=index,
        at=at,
        ref=given.id,
        catalog_digest=index.digest,
        title=given.title,
        edition=given.edition,
        licence=given.licence,
        credit=given.credit,
        aliases=list(given.aliases),
    )


def criterion_of_catalog(
    framework: domain.Framework, given: domain.Criterion, index: CatalogIndex, at: Moment | None
) -> Criterion:
    """A criterion as a reader sees it."""
    return Criterion(
        id=strawberry.ID(encode_id("Criterion", f"{index.digest}/{framework.id}/{given.ref}")),
        index=index,
        framework_ref=framework.id,
        at=at,
        ref=given.ref,
        shown=framework.shown(given.ref),
        title=given.title,
        text=framework.quoted(given),
        mappings=[
            CriterionMapping(
                external=one.external,
                relation=one.relation,
                narrative=one.narrative,
                controls=list(one.maps_to),
                partial=sorted(one.partial),
                notes=[MappingNote(control=control, note=note) for control, note in one.notes],
                text=one.text,
                also_known_as=list(one.also_known_as),
                reviewed=_review_of(one.reviewed),
            )
            for one in index.mappings_of_criterion(framework.id, given.ref)
        ],
    )


def criterion_in(index: CatalogIndex, framework: str, ref: str, at: Moment | None) -> Criterion | None:
    """A criterion by framework and reference."""
    given = index.criteria.get((framework, ref))
    return None if given is None else criterion_of_catalog(index.frameworks[framework], given, index, at)


async def find_control(info: Info, key: str, at: Moment) -> Control | None:
    """One control by "catalog digest/reference"."""
    digest, _, ref = key.partition("/")
    index = await info.context.session.catalog(digest)
    given = None if index is None else index.controls.get(ref)
    return None if index is None or given is None else control_of(given, index, at)


async def find_framework(info: Info, key: str, at: Moment) -> Framework | None:
    """One framework by "catalog digest/reference"."""
    digest, _, ref = key.partition("/")
    index = await info.context.session.catalog(digest)
    given = None if index is None else index.frameworks.get(ref)
    return None if index is None or given is None else framework_of(given, index, at)


async def find_criterion(info: Info, key: str, at: Moment) -> Criterion | None:
    """One criterion by "catalog digest/framework/reference"."""
    digest, _, rest = key.partition("/")
    framework, _, ref = rest.partition("/")
    index = await info.context.session.catalog(digest)
    return None if index is None else criterion_in(index, framework, ref, at)


async def _latest(
    info: Info, release: str, as_of: int | None, inherited: Moment | None
) -> tuple[AssessmentView | None, Moment]:
    """The assessment of a release in force, and the moment it was looked up at."""
    at = inherited if as_of is None and inherited is not None else await moment_of(info, as_of)
    key = key_of(release, "Release")
    return (None if key is None else await latest_row(info, key, at)), at
