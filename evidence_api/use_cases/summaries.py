"""A release's verdict for other tools: the assessment in force as a VSA or an SVR, signed with the evidence key.

Nothing is evaluated, and nothing is appended: what is signed here is in no log unless somebody uploads it. Ed25519
and canonical JSON give the same bytes for the same assessment.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from evidence_api.domain.assessment import Assessment
from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.keys import PublicKey
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.dsse import encode_envelope
from evidence_api.formats.svr import SVR, SVR_MEDIA_TYPE, svr_predicate
from evidence_api.formats.verified_release import VerifiedRelease
from evidence_api.formats.vsa import VSA, VSA_MEDIA_TYPE, vsa_predicate
from evidence_api.store import assessments, catalogs, evidence, read_log, releases
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.own_evidence import OwnEvidence

_KEPT = 4  # catalogs of past assessments


class SummaryForm(Enum):
    """The two forms: name, predicate type and media type."""

    VSA = ("vsa", VSA, VSA_MEDIA_TYPE)
    SVR = ("svr", SVR, SVR_MEDIA_TYPE)

    @property
    def media_type(self) -> str:
        """Of the envelope."""
        return self.value[2]


@dataclass(frozen=True, slots=True)
class Summary:
    """A signed summary: the DSSE envelope's bytes, and name@version of the release."""

    release: str
    envelope: bytes


class Summaries:
    """Makes them, for one tenant at a time."""

    def __init__(self, database: Database, own: OwnEvidence, catalog: Catalog, software: Mapping[str, str]) -> None:
        self._database = database
        self._own = own
        self._catalog = catalog
        self._software = software
        self._past: OrderedDict[str, Catalog] = OrderedDict()

    @property
    def key(self) -> PublicKey:
        """What the envelopes verify with."""
        return self._own.public_key

    async def make(self, scope: TenantScope, reference: str, form: SummaryForm) -> Summary:
        """The summary of a release (name, name@version or evidence id). Raises NotFound: no such release, or it was
        never assessed; to a guest who was let see some frameworks alone, the verdict on all of them is as absent."""
        async with self._database.reading(scope) as connection:
            verified = await self._verified(connection, scope, reference)
        predicate = vsa_predicate(verified) if form is SummaryForm.VSA else svr_predicate(verified)
        envelope = self._own.sign(verified.subjects, form.value[1], predicate)
        return Summary(f"{verified.release.name}@{verified.release.version}", encode_envelope(envelope))

    async def _verified(self, connection: Connection, scope: TenantScope, reference: str) -> VerifiedRelease:
        release = await releases.find(connection, scope, reference)
        latest = await assessments.latest(connection, scope, release.id)
        if latest is None or (scope.grant is not None and scope.grant.frameworks):
            raise NotFound(f"release {reference[:200]!r} is not assessed yet", code="not_assessed")
        assessment = latest[1]
        used = {release.id, *(one for finding in assessment.findings for one in finding.evidence)}
        owned = await evidence.owned(connection, scope, release.id, assessment.tree_size)
        statement = await evidence.get(connection, scope, release.id)
        return VerifiedRelease(
            release=release,
            subjects=statement.subjects,
            assessment=assessment,
            catalog=await self._catalog_of(connection, assessment),
            inputs=[one for one in owned if one.id in used],
            origin=(await read_log.head(connection, scope)).origin,
            software=self._software,
        )

    async def _catalog_of(self, connection: Connection, assessment: Assessment) -> Catalog:
        """The catalog the assessment was made with."""
        digest = assessment.catalog_digest
        if digest == self._catalog.digest:
            return self._catalog
        if digest not in self._past:
            sources, _ = await catalogs.catalog_sources(connection, digest)
            self._past[digest] = load_catalog(sources, recorded=True)
            if len(self._past) > _KEPT:
                self._past.popitem(last=False)
        self._past.move_to_end(digest)
        return self._past[digest]
