"""Reading: how long lists are, for readers who ask; each as far as MAX_COUNTED (store/counts.py)."""

from collections.abc import Mapping, Sequence

from evidence_api.domain.page import Counted, counted
from evidence_api.domain.reading import ComponentFilter, EvidenceFilter
from evidence_api.store import counts
from evidence_api.use_cases.read_session import ReadSession


async def count_evidence(session: ReadSession, chosen: EvidenceFilter, size: int) -> Counted:
    """Of the log."""
    return counted(await session.run(counts.evidence, chosen, size))


async def count_owned(
    session: ReadSession, releases: Sequence[str], chosen: EvidenceFilter, size: int
) -> Mapping[str, Counted]:
    """Of what each release owns."""
    return _each(await session.run(counts.evidence_of_releases, releases, chosen, size))


async def count_releases(session: ReadSession, name: str | None, size: int) -> Counted:
    """Of the releases (of that name)."""
    return counted(await session.run(counts.releases, name, size))


async def count_assessments(session: ReadSession, releases: Sequence[str], size: int) -> Mapping[str, Counted]:
    """Of each release's assessments."""
    return _each(await session.run(counts.assessments_of_releases, releases, size))


async def count_components(session: ReadSession, chosen: ComponentFilter, size: int) -> Counted:
    """Of the index of components."""
    return counted(await session.run(counts.components, chosen, size))


def _each(found: Mapping[str, int]) -> Mapping[str, Counted]:
    return {release: counted(number) for release, number in found.items()}
