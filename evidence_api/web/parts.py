"""What the HTTP edge is made of: the use cases bootstrap built, and the bounds of the edge."""

from dataclasses import dataclass

from starlette.requests import Request

from evidence_api.use_cases.access import Access
from evidence_api.use_cases.access_audit import AccessAudit
from evidence_api.use_cases.archivista import Archivista
from evidence_api.use_cases.artifacts import Artifacts
from evidence_api.use_cases.ask import Asking
from evidence_api.use_cases.events import Events
from evidence_api.use_cases.exchange import Exchange
from evidence_api.use_cases.federate import Federation
from evidence_api.use_cases.ingest import Ingest
from evidence_api.use_cases.lanes import Lanes
from evidence_api.use_cases.persisted_documents import PersistedDocuments
from evidence_api.use_cases.policy_bundles import PolicyBundles
from evidence_api.use_cases.rates import Rates
from evidence_api.use_cases.readiness import Readiness
from evidence_api.use_cases.reads import Reads
from evidence_api.use_cases.release_packs import Packs
from evidence_api.use_cases.summaries import Summaries
from evidence_api.use_cases.tlog import TransparencyLog


@dataclass(frozen=True, slots=True)
class Parts:
    """The use cases a route may call. `max_body` in bytes."""

    access: Access
    access_audit: AccessAudit
    asking: Asking
    events: Events
    exchange: Exchange
    federation: Federation
    ingest: Ingest
    lanes: Lanes
    artifacts: Artifacts
    documents: PersistedDocuments
    archivista: Archivista
    packs: Packs
    policy_bundles: PolicyBundles
    rates: Rates
    reads: Reads
    log: TransparencyLog
    readiness: Readiness
    summaries: Summaries
    max_body: int


def parts_of(request: Request) -> Parts:
    """The parts of the app that got this request."""
    parts = request.app.state.parts
    if not isinstance(parts, Parts):  # app.py sets it before any request
        raise TypeError(type(parts))
    return parts
