"""Deriving: what follows from a release's evidence is computed, signed by the server, and appended as evidence.

The plan for one release:
  1. one snapshot of its evidence, that of its baseline, and the builds to compare   use_cases/derivation_grounds.py
  2. read the bytes again, ask the register for the advisories about their packages          in a thread
  3. derive drift, dependency debt and whether others built the same                          in a thread
  4. sign each; append it unless exactly this is what stands already
No clock is read: the same evidence and advisories give the same statement, the same evidence id, and no second leaf.
Where a result comes back to what an earlier one was, it names the one it replaces, and is new by that.

A release whose documents cannot be derived from is assessed without: that is said in the server's log.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import orjson
import structlog

from evidence_api.domain.digest import digest_of
from evidence_api.domain.drift import Drift, Inventory, KnownVulnerability
from evidence_api.domain.errors import EvidenceError, NotFound, Refused
from evidence_api.domain.evidence import Release
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.dependency_debt import DEPENDENCY_DEBT, debt_predicate, derive_debt
from evidence_api.formats.drift_predicate import SBOM_DRIFT, drift_predicate, known_vulnerabilities
from evidence_api.formats.dsse import Envelope, identity_of
from evidence_api.formats.inventory import INVENTORY_KINDS, StoredDocument, read_inventory
from evidence_api.formats.osv import read_advisory
from evidence_api.formats.packages import advisory_names, parse_purl
from evidence_api.formats.reproducible_build import (
    REPRODUCIBLE_BUILD,
    Reproduction,
    build_of,
    compare_builds,
    reproduction_predicate,
)
from evidence_api.formats.sbom_drift import derive_drift
from evidence_api.formats.stored import stored_statement
from evidence_api.store import advisories, releases
from evidence_api.store.due import Owed
from evidence_api.store.session import Database
from evidence_api.use_cases.derivation_grounds import DERIVED_KINDS, Grounds, Side, gather
from evidence_api.use_cases.own_evidence import OwnEvidence

logger = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

ADVISORIES, BASELINE = "advisories", "baseline"  # causes of their own, each "@" an occasion
_CAUSES = frozenset({*INVENTORY_KINDS, "release", "provenance", "*", ADVISORIES, BASELINE})
_REMEMBERED = 10_000
_PACKAGES = 20_000  # names of one look-up


@dataclass(frozen=True, slots=True)
class Conclusion:
    """One derived result: `predicate` gives it for the evidence id it supersedes ("" for none)."""

    predicate_type: str
    series: str
    predicate: Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class DerivedDrift:
    """A drift for people: name@version of the release and of its baseline ("" without one)."""

    release: str
    baseline: str
    drift: Drift


def concerns(kinds: Iterable[str]) -> bool:
    """Whether the arrival of these can change what is derived."""
    return any(kind.partition("@")[0] in _CAUSES for kind in kinds)


def settled_by(owed: Owed, before: int, after: int) -> list[tuple[Owed, int]]:
    """What is struck off when a release was derived from at a tree of at least `before` leaves and assessed then at
    `after`: of the derived kinds all of it. What else arrived in between was not derived from, and stays due."""
    if not concerns(owed.kinds):
        return [(owed, after)]
    causes = tuple(kind for kind in owed.kinds if kind not in DERIVED_KINDS)
    return [(replace(owed, kinds=causes), before), (replace(owed, kinds=DERIVED_KINDS), after)]


class Deriver:
    """Derives what follows from the evidence of releases."""

    def __init__(self, database: Database, own: OwnEvidence) -> None:
        self._database = database
        self._own = own
        self._settled: OrderedDict[tuple[UUID, str], tuple[object, ...]] = OrderedDict()

    async def derive(self, scope: TenantScope, release: Release) -> int:
        """Derive everything that follows for a release; the number of statements that were new. Raises Undecided."""
        async with self._database.reading(scope) as connection:
            grounds = await gather(connection, scope, release)
        if self._settled.get((scope.id, release.id)) == grounds.key:
            return 0
        new = 0
        try:
            for conclusion in await self._conclude(grounds):
                new += await self._append(scope, grounds, conclusion)
        except Refused as refusal:
            logger.warning(
                "derivation_refused", tenant=scope.name, release=release.id, code=refusal.code, detail=refusal.message
            )
            return new
        self._settled[scope.id, release.id] = grounds.key
        while len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)
        return new

    async def show(self, scope: TenantScope, reference: str) -> DerivedDrift:
        """The drift of a release (name, name@version, evidence id) as it would be derived now; nothing is appended.

        Raises NotFound (no such release, or no verified SBOM of it), Refused `underivable`.
        """
        async with self._database.reading(scope) as connection:
            release = await releases.find(connection, scope, reference)
            grounds = await gather(connection, scope, release)
        if not grounds.current.has_sbom:
            raise NotFound(f"no verified SBOM of {_named(release)}")
        _, drift = await self._drift(grounds)
        return DerivedDrift(_named(release), _named(grounds.baseline.release) if grounds.baseline else "", drift)

    async def _conclude(self, grounds: Grounds) -> list[Conclusion]:
        """Steps 2 and 3. Raises Refused `underivable`."""
        found: list[Conclusion] = []
        if grounds.current.has_sbom:
            inventory, drift = await self._drift(grounds)
            debt = await _in_thread(derive_debt, inventory, drift)
            found.append(Conclusion(SBOM_DRIFT, "", lambda before: drift_predicate(drift, supersedes=before)))
            found.append(Conclusion(DEPENDENCY_DEBT, "", lambda before: debt_predicate(debt, supersedes=before)))
        if grounds.rebuilds or len(grounds.current.provenance) > 1:
            found += [_reproduction(one) for one in await _in_thread(_reproductions, grounds)]
        return found

    async def _drift(self, grounds: Grounds) -> tuple[Inventory, Drift]:
        """The inventory of the release and its drift. Raises Refused `underivable`."""
        now = await _in_thread(_inventory, grounds.current, grounds.bodies)
        before = await _in_thread(_inventory, grounds.baseline, grounds.bodies) if grounds.baseline else None
        index, digest = await self._advisories(now, before) if grounds.import_id else (None, None)

        def derived() -> Drift:
            return derive_drift(before, now, advisories=index, advisories_digest=digest, known=_known(grounds))

        return now, await _in_thread(derived)

    async def _advisories(self, *sides: Inventory | None) -> tuple[AdvisoryIndex, str]:
        """The advisories about the packages of both sides, and the digest that names them."""
        packages = await _in_thread(_packages, [side for side in sides if side is not None])
        records: list[bytes] = []
        async with self._database.anonymous() as connection:
            for start in range(0, len(packages), _PACKAGES):
                records += await advisories.about(connection, packages[start : start + _PACKAGES])
        return await _in_thread(_index, records)

    async def _append(self, scope: TenantScope, grounds: Grounds, conclusion: Conclusion) -> int:
        """Step 4. Raises Refused (not admitted, the key was revoked), Undecided."""
        made = await _in_thread(self._statement, grounds, conclusion)
        return 0 if made is None else int((await self._own.append(scope, made)).created)

    def _statement(self, grounds: Grounds, conclusion: Conclusion) -> Envelope | None:
        """The signed statement; None where exactly this stands already."""
        subjects, kind = grounds.current.subjects, conclusion.predicate_type
        standing = grounds.current.standing.get((kind, conclusion.series))
        before = ""
        if standing is not None and standing.body_digest in grounds.bodies:
            stated = stored_statement(grounds.bodies[standing.body_digest]).predicate
            same = self._own.sign(subjects, kind, conclusion.predicate(stated.get("supersedes") or ""))
            if identity_of(same) == standing.id:
                return None
            before = standing.id
        return self._own.sign(subjects, kind, conclusion.predicate(before))


def _named(release: Release) -> str:
    return f"{release.name}@{release.version}"


def _inventory(side: Side, bodies: Mapping[str, bytes]) -> Inventory:
    documents = [
        StoredDocument(one.id, one.kind, bodies[one.body_digest]) for one in side.documents if one.body_digest in bodies
    ]
    read = read_inventory(side.release.digests, documents)
    for evidence_id, code in read.unreadable:
        logger.warning("document_unreadable", evidence=evidence_id, code=code)
    return read.inventory


def _known(grounds: Grounds) -> tuple[KnownVulnerability, ...] | None:
    """What the baseline's own drift recorded of it."""
    drift = grounds.baseline.standing.get((SBOM_DRIFT, "")) if grounds.baseline else None
    if drift is None or drift.body_digest not in grounds.bodies:
        return None
    return known_vulnerabilities(stored_statement(grounds.bodies[drift.body_digest]).predicate)


def _reproductions(grounds: Grounds) -> list[Reproduction]:
    """What comparing the builds of the release's sources shows, where there are builders to compare."""
    own = {one.id for one in grounds.current.provenance}
    builds = [
        build
        for one in (*grounds.current.provenance, *grounds.rebuilds)
        if one.body_digest in grounds.bodies
        for build in (build_of(stored_statement(grounds.bodies[one.body_digest]), one.id),)
        if build is not None
    ]
    return [
        one
        for one in compare_builds(builds)
        if one.status != "single" and any(build.evidence_id in own for build in one.builds)
    ]


def _reproduction(one: Reproduction) -> Conclusion:
    series = one.builds[0].sources[0]
    return Conclusion(REPRODUCIBLE_BUILD, series, lambda before: reproduction_predicate(one, supersedes=before))


def _packages(sides: Sequence[Inventory]) -> list[tuple[str, str]]:
    """(ecosystem, name) of everything in the SBOMs, as advisories are looked up."""
    purls = {one.purl for side in sides for _, sbom in side.sboms for one in sbom.components if one.purl}
    urls = (url for purl in purls if (url := parse_purl(purl)) is not None)
    return sorted({(ecosystem, name) for url in urls for ecosystem, name, _ in advisory_names(url)})


def _index(records: Sequence[bytes]) -> tuple[AdvisoryIndex, str]:
    once = sorted(set(records))
    return AdvisoryIndex(read_advisory(orjson.loads(one)) for one in once), digest_of(b"\n".join(once))


async def _in_thread(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run a pure step beside the loop. Raises Refused `underivable` for a fault of its own: one release's documents
    must not stop what is owed to all others."""
    try:
        return await asyncio.to_thread(work, *arguments, **named)
    except EvidenceError:
        raise
    except Exception as fault:
        logger.exception("derivation_failed")
        raise Refused(f"{type(fault).__name__}: {fault}"[:500], code="underivable") from fault
