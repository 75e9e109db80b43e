"""Gaps of a framework: read from the verdicts on record; nothing is assessed for it.

The plan:
  1. which releases: the one asked for, or the newest assessed one of each product, a page of products at a time
  2. their assessments in force, and of each the outcome of every control           one statement each
  3. the catalog: the one the newest of these assessments was made by, so that a pinned reading never changes
  4. gaps                                                                           domain/gap.py
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from evidence_api.domain.control import Control
from evidence_api.domain.gap import AssessedRelease, Gap, gaps_of
from evidence_api.domain.page import Window
from evidence_api.domain.reading import AssessmentView, ReleaseView
from evidence_api.domain.verdict import Outcome
from evidence_api.store import read_outcomes, read_products
from evidence_api.use_cases.catalog_versions import CatalogIndex
from evidence_api.use_cases.read_session import ReadSession

MAX_PRODUCTS = 100


@dataclass(frozen=True, slots=True)
class GapQuestion:
    """What is asked: a framework by reference, of one release (evidence id), or of products whose names come after
    `after`; read at `size`, which the reader `pinned` or not."""

    framework: str
    release: str | None
    after: str
    size: int
    pinned: bool


@dataclass(frozen=True, slots=True)
class GapReport:
    """Every gap in order, and what they are about, by evidence id of the release. `next_product` is what to go on after
    where there are more products; "" where these were all."""

    index: CatalogIndex
    framework: str
    gaps: tuple[Gap, ...]
    releases: Mapping[str, ReleaseView]
    assessments: Mapping[str, AssessmentView]
    next_product: str


async def find_gaps(session: ReadSession, question: GapQuestion) -> GapReport | None:
    """The report; None where there is no such release or framework."""
    # 1. which releases
    releases, next_product = await _releases(session, question)
    if question.release is not None and not releases:
        return None
    # 2. what was found of them
    ids = [one.id for one in releases]
    found = await session.assessments_in_force(ids, question.size, pinned=question.pinned) if ids else {}
    outcomes = await session.run(read_outcomes.outcomes, [one.id for one in found.values()]) if found else {}
    # 3. by which catalog
    index = await _catalog(session, list(found.values()))
    framework = index.frameworks.get(question.framework)
    if framework is None:
        return None
    # 4. gaps
    mapped = {one.ref: _controls(index, framework.id, one.ref) for one in framework.criteria}
    assessed = [AssessedRelease(one.id, one.leaf_index, _of(outcomes, found.get(one.id))) for one in releases]
    gaps = gaps_of(framework, mapped, assessed)
    return GapReport(index, framework.id, gaps, {one.id: one for one in releases}, found, next_product)


async def _releases(session: ReadSession, question: GapQuestion) -> tuple[Sequence[ReleaseView], str]:
    if question.release is not None:
        return list((await session.releases_by_ids([question.release], question.size)).values()), ""
    window = Window(MAX_PRODUCTS, after=question.after or None)
    page = await session.run(read_products.products, window, question.size, assessed=True)
    releases = [one.release for one in page.items]
    return releases, releases[-1].name if page.more else ""


async def _catalog(session: ReadSession, assessments: Sequence[AssessmentView]) -> CatalogIndex:
    """The one in force where nothing was assessed, or where that catalog is not on record any more."""
    if not assessments:
        return session.catalog_in_force()
    newest = max(assessments, key=lambda one: (one.tree_size, one.evaluated_at, one.id))
    return await session.catalog(newest.catalog_digest) or session.catalog_in_force()


def _controls(index: CatalogIndex, framework: str, ref: str) -> tuple[Control, ...]:
    refs = dict.fromkeys(one for mapping in index.mappings_of_criterion(framework, ref) for one in mapping.maps_to)
    return tuple(index.controls[one] for one in refs if one in index.controls)


def _of(outcomes: Mapping[UUID, Mapping[str, str]], assessment: AssessmentView | None) -> Mapping[str, Outcome] | None:
    if assessment is None or assessment.id not in outcomes:
        return None
    return {control: Outcome(outcome) for control, outcome in outcomes[assessment.id].items()}
