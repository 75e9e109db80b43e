"""Deriving, first step: one snapshot of everything that a release's derived evidence follows from.

Of a release count its current, verified, unerased SBOMs, scans and VEX; the same of its baseline, which is the newest
green release (store/baselines.py) of the same product before it, of another version and other digests, that has such
an SBOM itself; and the provenance of its artifacts, with that of others who built the same names from the same source.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.facts import current
from evidence_api.domain.ownership import digests_of
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import Verified
from evidence_api.formats.inventory import INVENTORY_KINDS
from evidence_api.store import advisories, baselines, evidence, read_log
from evidence_api.store.session import Connection

DERIVED_KINDS = ("sbom_drift", "dependency_debt", "reproducible_build")
_PROVENANCE = "provenance"


@dataclass(frozen=True, slots=True)
class Side:
    """A release with what counts of its evidence. `standing` are the derived statements in force, by (predicate type,
    series)."""

    release: Release
    documents: tuple[Evidence, ...]
    provenance: tuple[Evidence, ...]
    subjects: tuple[Subject, ...]
    standing: Mapping[tuple[str, str], Evidence]

    @property
    def has_sbom(self) -> bool:
        """Whether there is anything to compare."""
        return any(one.kind == "sbom" for one in self.documents)

    @property
    def key(self) -> tuple[str, ...]:
        """What a derivation depends on, as ids."""
        return (self.release.id, *(one.id for one in (*self.documents, *self.provenance)))


@dataclass(frozen=True, slots=True)
class Grounds:
    """Both sides, the builds to compare, the bytes of all of these by digest, and the newest import of advisories."""

    current: Side
    baseline: Side | None
    rebuilds: tuple[Evidence, ...]
    bodies: Mapping[str, bytes]
    import_id: int

    @property
    def key(self) -> tuple[object, ...]:
        """Equal keys give equal statements."""
        baseline = self.baseline
        return (
            self.current.key,
            (baseline.key, tuple(sorted(one.id for one in baseline.standing.values()))) if baseline else None,
            tuple(one.id for one in self.rebuilds),
            self.import_id,
        )


async def gather(connection: Connection, scope: TenantScope, release: Release) -> Grounds:
    """The grounds of one release, in the connection's snapshot."""
    size = (await read_log.head(connection, scope)).tree_size
    side = await _side(connection, scope, release, size)
    baseline = await _baseline(connection, scope, release, size) if side.has_sbom else None
    rebuilds = await _rebuilds(connection, scope, side, size)
    wanted = [
        one.body_digest
        for part in (side, baseline)
        if part is not None
        for one in (*part.documents, *part.standing.values())
    ]
    builds = (*side.provenance, *rebuilds)
    wanted += [one.body_digest for one in builds] if len(builds) > 1 else []
    last = await advisories.last_import(connection)
    bodies = await evidence.bodies(connection, scope, wanted)
    return Grounds(side, baseline, rebuilds, bodies, last.id if last is not None else 0)


async def _side(connection: Connection, scope: TenantScope, release: Release, size: int) -> Side:
    owned = await evidence.owned(connection, scope, release.id, size)
    verified = [one for one in current(owned) if isinstance(one.verification, Verified) and not one.erased]
    about = set(release.digests)
    stated = next((one for one in owned if one.id == release.id), None)
    return Side(
        release=release,
        documents=tuple(one for one in verified if one.kind in INVENTORY_KINDS),
        provenance=tuple(one for one in verified if one.kind == _PROVENANCE),
        subjects=stated.subjects if stated else (),
        standing={
            (one.predicate_type, one.series): one
            for one in verified
            if one.kind in DERIVED_KINDS and digests_of(one) == about
        },
    )


async def _baseline(connection: Connection, scope: TenantScope, release: Release, size: int) -> Side | None:
    for candidate in await baselines.earlier_green(connection, scope, release):
        if set(candidate.digests) != set(release.digests):  # the same artifact under another version is no change
            found = await _side(connection, scope, candidate, size)
            if found.has_sbom:
                return found
    return None


async def _rebuilds(connection: Connection, scope: TenantScope, side: Side, size: int) -> tuple[Evidence, ...]:
    """Provenance by others about the same names or digests, from the same source."""
    sources = sorted({source for one in side.provenance for source in one.sources})
    if not sources:
        return ()
    own = {one.id for one in side.provenance}
    names, digests = _said(side.provenance)
    return tuple(
        one
        for one in await evidence.built_from(connection, scope, sources, size)
        if one.id not in own and not one.erased and _overlaps(_said((one,)), (names, digests))
    )


def _said(provenance: Iterable[Evidence]) -> tuple[set[str], set[str]]:
    subjects = [subject for one in provenance for subject in one.subjects]
    return {one.name for one in subjects if one.name}, {digest for one in subjects for digest in one.digests}


def _overlaps(one: Sequence[set[str]], other: Sequence[set[str]]) -> bool:
    return any(left & right for left, right in zip(one, other, strict=True))
