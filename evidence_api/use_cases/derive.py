"""Deriving: what follows from a release's evidence is computed, signed by the server, and appended as evidence.

The plan for one release:
  1. one snapshot: its current, verified, unerased SBOMs, scans and VEX, and those of its baseline
  2. the baseline is the newest green release (store/baselines.py) of the same product before it, of another version and
     other digests, that has such an SBOM itself; there may be none
  3. read the bytes again, ask the register for the advisories about their packages          in a thread
  4. derive (formats/sbom_drift.py)                                                           in a thread
  5. sign; append unless exactly this is what stands already
No clock is read: the same evidence and advisories give the same statement, the same evidence id, and no second leaf.
Where a result comes back to what an earlier one was, it names the one it replaces, and is new by that.

A release whose documents cannot be derived from is assessed without: that is said in the server's log.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar
from uuid import UUID

import orjson
import structlog

from evidence_api.domain.digest import digest_of
from evidence_api.domain.drift import Drift, Inventory, KnownVulnerability
from evidence_api.domain.errors import EvidenceError, NotFound, Refused
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.facts import current
from evidence_api.domain.ownership import digests_of
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import Verified
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.drift_predicate import SBOM_DRIFT, drift_predicate, known_vulnerabilities
from evidence_api.formats.dsse import identity_of
from evidence_api.formats.inventory import INVENTORY_KINDS, ReadInventory, StoredDocument, read_inventory
from evidence_api.formats.osv import read_advisory
from evidence_api.formats.packages import advisory_names, parse_purl
from evidence_api.formats.sbom_drift import derive_drift
from evidence_api.formats.stored import stored_statement
from evidence_api.store import advisories, baselines, evidence, read_log, releases
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.own_evidence import OwnEvidence

logger = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

ADVISORIES, BASELINE = "advisories", "baseline"  # causes of their own, each "@" an occasion
DERIVED = ("sbom_drift",)
_CAUSES = frozenset({*INVENTORY_KINDS, "release", "provenance", "*", ADVISORIES, BASELINE})
_REMEMBERED = 10_000
_PACKAGES = 20_000  # names of one look-up


@dataclass(frozen=True, slots=True)
class Side:
    """A release with what counts of its evidence, and its standing drift statement."""

    release: Release
    documents: tuple[Evidence, ...]
    subjects: tuple[Subject, ...]
    drift: Evidence | None

    @property
    def key(self) -> tuple[str, ...]:
        """What a derivation depends on, as ids."""
        return (self.release.id, *(one.id for one in self.documents))


@dataclass(frozen=True, slots=True)
class Grounds:
    """One snapshot: both sides, the bytes of all their documents by digest, and the newest import of advisories."""

    current: Side
    baseline: Side | None
    bodies: dict[str, bytes]
    import_id: int

    @property
    def key(self) -> tuple[object, ...]:
        """Equal keys give equal statements."""
        known = self.baseline.drift if self.baseline else None
        return (
            self.current.key,
            self.baseline.key if self.baseline else None,
            known.id if known else None,
            self.import_id,
        )


@dataclass(frozen=True, slots=True)
class DerivedDrift:
    """A drift for people: name@version of the release and of its baseline ("" without one)."""

    release: str
    baseline: str
    drift: Drift


def concerns(kinds: Iterable[str]) -> bool:
    """Whether the arrival of these can change what is derived."""
    return any(kind.partition("@")[0] in _CAUSES for kind in kinds)


class Deriver:
    """Derives what follows from the evidence of releases."""

    def __init__(self, database: Database, own: OwnEvidence) -> None:
        self._database = database
        self._own = own
        self._settled: OrderedDict[tuple[UUID, str], tuple[object, ...]] = OrderedDict()

    async def derive(self, scope: TenantScope, release: Release) -> int:
        """Derive everything that follows for a release; the number of statements that were new. Raises Undecided."""
        async with self._database.reading(scope) as connection:
            grounds = await self._grounds(connection, scope, release)
        if grounds is None or self._settled.get((scope.id, release.id)) == grounds.key:
            return 0
        try:
            drift = await self._drift(grounds)
            new = await self._append(scope, grounds, drift)
        except Refused as refusal:
            logger.warning(
                "derivation_refused", tenant=scope.name, release=release.id, code=refusal.code, detail=refusal.message
            )
            return 0
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
            grounds = await self._grounds(connection, scope, release)
        if grounds is None:
            raise NotFound(f"no verified SBOM of {release.name}@{release.version}")
        drift = await self._drift(grounds)
        return DerivedDrift(_named(release), _named(grounds.baseline.release) if grounds.baseline else "", drift)

    async def _grounds(self, connection: Connection, scope: TenantScope, release: Release) -> Grounds | None:
        """Steps 1 and 2; None where there is no SBOM, so nothing to derive from."""
        size = (await read_log.head(connection, scope)).tree_size
        side = await self._side(connection, scope, release, size)
        if not _has_sbom(side):
            return None
        baseline = None
        for candidate in await baselines.earlier_green(connection, scope, release):
            if set(candidate.digests) != set(release.digests):  # the same artifact under another version is no change
                found = await self._side(connection, scope, candidate, size)
                if _has_sbom(found):
                    baseline = found
                    break
        sides = [side] if baseline is None else [side, baseline]
        wanted = [one.body_digest for one in sides for one in (*one.documents, *((one.drift,) if one.drift else ()))]
        last = await advisories.last_import(connection)
        return Grounds(
            side, baseline, await evidence.bodies(connection, scope, wanted), last.id if last is not None else 0
        )

    async def _side(self, connection: Connection, scope: TenantScope, release: Release, size: int) -> Side:
        owned = await evidence.owned(connection, scope, release.id, size)
        standing = [one for one in current(owned) if isinstance(one.verification, Verified) and not one.erased]
        about = set(release.digests)
        drifts = [one for one in standing if one.predicate_type == SBOM_DRIFT and digests_of(one) == about]
        stated = next((one for one in owned if one.id == release.id), None)
        return Side(
            release=release,
            documents=tuple(one for one in standing if one.kind in INVENTORY_KINDS),
            subjects=stated.subjects if stated else (),
            drift=drifts[-1] if drifts else None,
        )

    async def _drift(self, grounds: Grounds) -> Drift:
        """Steps 3 and 4. Raises Refused `underivable` where the documents cannot be derived from."""
        now = await _in_thread(_inventory, grounds.current, grounds.bodies)
        before = await _in_thread(_inventory, grounds.baseline, grounds.bodies) if grounds.baseline else None
        index, digest = await self._advisories(now, before) if grounds.import_id else (None, None)
        known = _known(grounds)

        def derived() -> Drift:
            return derive_drift(before, now, advisories=index, advisories_digest=digest, known=known)

        return await _in_thread(derived)

    async def _advisories(self, *sides: Inventory | None) -> tuple[AdvisoryIndex, str]:
        """The advisories about the packages of both sides, and the digest that names them."""
        packages = await _in_thread(_packages, [side for side in sides if side is not None])
        records: list[bytes] = []
        async with self._database.anonymous() as connection:
            for start in range(0, len(packages), _PACKAGES):
                records += await advisories.about(connection, packages[start : start + _PACKAGES])
        return await _in_thread(_index, records)

    async def _append(self, scope: TenantScope, grounds: Grounds, drift: Drift) -> int:
        """Step 5. Raises Refused (not admitted, the key was revoked), Undecided."""
        side = grounds.current
        before = ""
        if side.drift is not None and side.drift.body_digest in grounds.bodies:
            standing = stored_statement(grounds.bodies[side.drift.body_digest]).predicate
            same = drift_predicate(drift, supersedes=standing.get("supersedes") or "")
            if identity_of(self._own.sign(side.subjects, SBOM_DRIFT, same)) == side.drift.id:
                return 0
            before = side.drift.id
        predicate = drift_predicate(drift, supersedes=before)
        receipt = await self._own.append(scope, self._own.sign(side.subjects, SBOM_DRIFT, predicate))
        return int(receipt.created)


def _named(release: Release) -> str:
    return f"{release.name}@{release.version}"


def _has_sbom(side: Side) -> bool:
    return any(one.kind == "sbom" for one in side.documents)


def _inventory(side: Side, bodies: dict[str, bytes]) -> Inventory:
    documents = [
        StoredDocument(one.id, one.kind, bodies[one.body_digest]) for one in side.documents if one.body_digest in bodies
    ]
    read: ReadInventory = read_inventory(side.release.digests, documents)
    for evidence_id, code in read.unreadable:
        logger.warning("document_unreadable", evidence=evidence_id, code=code)
    return read.inventory


def _known(grounds: Grounds) -> tuple[KnownVulnerability, ...] | None:
    """What the baseline's own drift recorded of it."""
    drift = grounds.baseline.drift if grounds.baseline else None
    if drift is None or drift.body_digest not in grounds.bodies:
        return None
    return known_vulnerabilities(stored_statement(grounds.bodies[drift.body_digest]).predicate)


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
