"""Which evidence a release owns: what is about its own digests, or about the source they were built from.

A verified provenance statement links its subjects to its `sources` (artifact -> commit). Links are followed from
the release's digests, at most three steps. An erased provenance statement still links: its row in the log
remains, and erasing it must not take the evidence behind it out of sight.
"""

from collections.abc import Iterable, Mapping, Sequence

from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.verification import Verified

MAX_STEPS = 3


def owned_by(release: Release, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The evidence the release owns, in the order given."""
    every = tuple(evidence)
    reached = reachable(release.digests, links_of(every))
    return tuple(one for one in every if not reached.isdisjoint(digests_of(one)))


def links_of(evidence: Iterable[Evidence]) -> Mapping[str, frozenset[str]]:
    """Subject digest -> digests of its sources, by verified provenance alone."""
    links: dict[str, frozenset[str]] = {}
    for one in evidence:
        if one.sources and isinstance(one.verification, Verified):
            for digest in digests_of(one):
                links[digest] = links.get(digest, frozenset()) | frozenset(one.sources)
    return links


def reachable(digests: Iterable[str], links: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The digests themselves, and all that at most three links lead to."""
    reached = frontier = frozenset(digests)
    for _ in range(MAX_STEPS):
        frontier = frozenset().union(*(links.get(digest, frozenset()) for digest in frontier)) - reached
        if not frontier:
            break
        reached |= frontier
    return reached


def digests_of(evidence: Evidence) -> frozenset[str]:
    """All digests of all subjects, "algorithm:hex"."""
    return frozenset(digest for subject in evidence.subjects for digest in subject.digests)


def artifacts_of(release: Release, evidence: Sequence[Evidence]) -> tuple[tuple[str, ...], ...]:
    """The release's digests grouped by artifact, in the release's order.

    The release statement knows which digests name one artifact (its sha256 and its sha512); where that
    statement is not among the evidence, each digest is an artifact of its own.
    """
    statement = next((one for one in evidence if one.id == release.id), None)
    subjects = statement.subjects if statement else ()
    left = dict.fromkeys(release.digests)
    groups: list[tuple[str, ...]] = []
    for digest in release.digests:
        if digest in left:
            together = {name for subject in subjects if digest in subject.digests for name in subject.digests}
            group = tuple(name for name in left if name == digest or name in together)
            groups.append(group)
            for name in group:
                del left[name]
    return tuple(groups)
