"""What the server derived about a release and signed: its newest statements in the tree read, and what they say.

Where there is none yet, or its bytes were erased, there is nothing to show.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from evidence_api.domain import evidence as log
from evidence_api.domain.ownership import digests_of
from evidence_api.domain.reading import ReleaseView
from evidence_api.graphql.context import Info, Moment
from evidence_api.use_cases.inventory import standing

SBOM_DRIFT, DEPENDENCY_DEBT, REPRODUCIBLE_BUILD = DERIVED = ("sbom_drift", "dependency_debt", "reproducible_build")
_SHOWN_DIGESTS = 100  # of a release, as a view has them
_NOTHING: tuple[log.Evidence, ...] = ()
_ABSENT: Mapping[str, Any] | None = None


async def derived_of(info: Info, release: ReleaseView, at: Moment) -> Sequence[log.Evidence]:
    """The derived statements in force about exactly the release's digests, the newest first."""
    session = info.context.session

    async def load(releases: Sequence[str]) -> Mapping[str, tuple[log.Evidence, ...]]:
        return await standing(session, releases, DERIVED, at.size)

    found = await info.context.batches.of(("derived", at.size), load, _NOTHING).get(release.id)
    return [one for one in reversed(found) if _is_about(one, release)]


async def predicate_of(info: Info, statement: log.Evidence) -> Mapping[str, Any] | None:
    """What a statement says, loaded together with the siblings'; None once erased. Raises TooLarge."""
    info.context.take_decision_bytes(statement.body_size)
    session = info.context.session

    async def load(digests: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return await session.predicates(digests)

    return await info.context.batches.of("predicates", load, _ABSENT).get(statement.body_digest)


def _is_about(one: log.Evidence, release: ReleaseView) -> bool:
    """A view holds a release's first hundred digests."""
    about = digests_of(one)
    whole = len(release.digests) < _SHOWN_DIGESTS
    return about == set(release.digests) if whole else about >= set(release.digests)
