"""Start: Settings become engines, store and use cases; the one place where the parts are put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from importlib.metadata import version

import orjson

from evidence_api.bootstrap.places import open_database, open_nursery, open_rego, own_keys
from evidence_api.bootstrap.query_side import QuerySide, open_query_side
from evidence_api.domain.control import Catalog
from evidence_api.engines.blobs import BlobStore
from evidence_api.engines.clock import Clock, SystemClock
from evidence_api.engines.episode_reader import EpisodeReader
from evidence_api.engines.files import read_texts, shipped
from evidence_api.engines.oidc import TokenVerifier
from evidence_api.engines.oidc_keys import IssuerKeys
from evidence_api.engines.pack_key import PackKey
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.peer_keys import PeerKeySets
from evidence_api.engines.rego import RegoPool
from evidence_api.engines.sigstore import BundleVerifier
from evidence_api.engines.sigstore_root import trusted_root
from evidence_api.engines.webhook import WebhookSender
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.engines.worker_pool import WorkerPool
from evidence_api.formats.askable_areas import AskableArea, askable_areas
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.policy_bundle import PolicyBundle, bundle_from_files
from evidence_api.settings import Settings
from evidence_api.store.session import Database
from evidence_api.use_cases.access import Access
from evidence_api.use_cases.access_audit import AccessAudit
from evidence_api.use_cases.access_batches import AccessBatches, Pace
from evidence_api.use_cases.action_requests import ActionRequests
from evidence_api.use_cases.admit import Admission, check_admission
from evidence_api.use_cases.advisories import Advisories
from evidence_api.use_cases.answer_receipts import AnswerReceipts
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.artifacts import Artifacts
from evidence_api.use_cases.ask import Asking
from evidence_api.use_cases.assessing import Assessing
from evidence_api.use_cases.backlog import Backlog
from evidence_api.use_cases.budgets import Budgets
from evidence_api.use_cases.components import ComponentIndexer
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.derive import Deriver
from evidence_api.use_cases.drafts import Drafts
from evidence_api.use_cases.episode_artifacts import EpisodeArtifacts
from evidence_api.use_cases.events import Events
from evidence_api.use_cases.exchange import Exchange
from evidence_api.use_cases.federate import Federation
from evidence_api.use_cases.follow_log import Following
from evidence_api.use_cases.handed_overrides import HandedOverrides
from evidence_api.use_cases.ingest import Ingest
from evidence_api.use_cases.model_quota import ModelQuota
from evidence_api.use_cases.overrides import Overrides
from evidence_api.use_cases.own_evidence import KEY_NAME, OwnEvidence
from evidence_api.use_cases.pack_requests import PackRequests
from evidence_api.use_cases.packs import PackBuilder
from evidence_api.use_cases.peering import Peering
from evidence_api.use_cases.persisted_documents import PersistedDocuments
from evidence_api.use_cases.pii_guard import PiiGuard, look
from evidence_api.use_cases.policy_bundles import PolicyBundles
from evidence_api.use_cases.policy_hits import PolicyHits
from evidence_api.use_cases.policy_in_force import PolicyInForce
from evidence_api.use_cases.readiness import Readiness
from evidence_api.use_cases.reads import Reads
from evidence_api.use_cases.reassess import Reassessor
from evidence_api.use_cases.release_packs import PackGrounds, Packs
from evidence_api.use_cases.reperform_deferred import DeferredDecisions
from evidence_api.use_cases.reperform_waiting import WaitingDecisions
from evidence_api.use_cases.reperformance_record import ReperformanceRecord
from evidence_api.use_cases.summaries import Summaries
from evidence_api.use_cases.tenancy import Tenancy
from evidence_api.use_cases.tlog import TransparencyLog
from evidence_api.use_cases.trust import TrustBook
from evidence_api.use_cases.trust_rules import TrustRules
from evidence_api.use_cases.vulnerability_index import VulnerabilityIndex
from evidence_api.use_cases.webhooks import Webhooks
from evidence_api.use_cases.writes import Writes


@dataclass(frozen=True, slots=True)
class Core:
    """What takes evidence in and assesses it: the rest reads from these, or adds to them."""

    hits: PolicyHits
    gate: Gate
    trust: TrustBook
    admission: Admission
    ingest: Ingest
    own: OwnEvidence
    deriver: Deriver
    indexer: ComponentIndexer
    reassessor: Reassessor
    following: Following
    waiting_decisions: WaitingDecisions
    artifacts: Artifacts
    budgets: Budgets
    webhooks: Webhooks
    events: Events


@dataclass(frozen=True, slots=True)
class Application(Core):
    """Everything the edges call, built once. `rego` and `database` are open while it is in use."""

    settings: Settings
    clock: Clock
    database: Database
    rego: RegoPool
    catalog: Catalog
    policy: PolicyBundle
    asking: Asking
    access: Access
    access_audit: AccessAudit
    access_batches: AccessBatches
    answer_receipts: AnswerReceipts
    exchange: Exchange
    federation: Federation
    peering: Peering
    advisories: Advisories
    backlog: Backlog
    documents: PersistedDocuments
    log: TransparencyLog
    packs: Packs
    policy_bundles: PolicyBundles
    quota: ModelQuota
    query_side: QuerySide
    reads: Reads
    readiness: Readiness
    summaries: Summaries
    tenancy: Tenancy
    trust_rules: TrustRules
    writes: Writes


@asynccontextmanager
async def open_application(
    settings: Settings, clock: Clock | None = None, nursery: Nursery | None = None, engine: RegoPool | None = None
) -> AsyncIterator[Application]:
    """Open everything; close it in reverse. Raises InvalidSource (catalog, policy), StoreUnavailable.

    `nursery` and `engine` are ones that others use too, and are left open; without them there are some of its own.
    """
    clock = clock or SystemClock()
    catalog = load_catalog(read_texts(settings.catalog or shipped("controls"), (".yaml", ".yml")))
    policies = read_texts(settings.policy or shipped("policy"), (".rego", ".yaml", ".json"))
    policy, areas = bundle_from_files(policies), askable_areas(policies)
    async with (
        open_database(settings) as (database, login),
        open_query_side(settings, login, database, clock) as query_side,
        open_rego(settings, engine) as rego,
        open_nursery(nursery) as own,
        WorkerPool(own) as workers,
        Assessing(own, rego, catalog, policy) as assessing,
    ):
        await rego.check(policy)
        await check_admission(Gate(rego, policy))
        opened = _Opened(settings, clock, database, rego, workers, assessing, catalog, policy, areas, query_side)
        log_signer = own_keys(settings).log(settings.log_key)
        appender = Appender(database, log_signer, clock)
        hits = PolicyHits(database, clock)
        audit = AccessAudit(database, clock)
        tenancy = Tenancy(database, log_signer, settings.log_origin, clock)
        try:
            yield _compose(opened, tenancy, _core(opened, appender, hits), audit)
        finally:
            await appender.close()  # what was accepted is answered before the database closes
            await hits.keep()
            await audit.close()


@dataclass(frozen=True, slots=True)
class _Opened:
    """What every use case is built on."""

    settings: Settings
    clock: Clock
    database: Database
    rego: RegoPool
    workers: WorkerPool
    assessing: Assessing
    catalog: Catalog
    policy: PolicyBundle
    areas: Mapping[str, AskableArea]
    query_side: QuerySide


def _core(opened: _Opened, appender: Appender, hits: PolicyHits) -> Core:
    settings, clock, database, catalog = opened.settings, opened.clock, opened.database, opened.catalog
    trust = TrustBook(database, BundleVerifier(trusted_root(settings.trusted_root)))
    gate = Gate(opened.rego, opened.policy, hits.count)
    admission = Admission(gate, trust, look if _refuses_found(opened.policy) else None)
    overrides = Overrides(gate, catalog, clock)
    ingest = Ingest(database, trust, admission, appender, clock, Drafts(opened.workers), overrides)
    own = OwnEvidence(database, ingest, trust, own_keys(settings).evidence(settings.evidence_key, KEY_NAME), clock)
    deriver = Deriver(database, own)
    indexer = ComponentIndexer(database, clock)
    appender.watch("sbom", indexer.wake)
    reassessor = Reassessor(database, opened.rego, catalog, opened.policy, clock, deriver, opened.assessing)
    events = Events(database)
    for wake in (reassessor.wake, events.wake):
        appender.watch_every(wake)
    artifacts = Artifacts(database, BlobStore(_blobs(settings)), clock, settings.max_artifact)
    asked = Gate(opened.rego, opened.policy, lane="reperformed")
    record = ReperformanceRecord(database, own)
    webhooks = Webhooks(database, WebhookSender(clock, loopback=settings.webhook_loopback), clock)
    budgets = Budgets(database, own, webhooks, _model_settings(opened.policy), clock)
    index = VulnerabilityIndex(database)
    readers = (DeferredDecisions(database, asked, record).follower(), budgets.follower(), index.follower())
    following = Following(database, readers)
    for kind in following.kinds:
        appender.watch(kind, following.wake)
    episodes = EpisodeArtifacts(database, artifacts, EpisodeReader())
    waiting = WaitingDecisions(database, clock, asked, record, episodes.of)
    return Core(
        hits=hits, gate=gate, trust=trust, admission=admission, ingest=ingest, own=own, deriver=deriver,
        indexer=indexer, reassessor=reassessor, following=following, waiting_decisions=waiting, artifacts=artifacts,
        budgets=budgets, webhooks=webhooks, events=events,
    )  # fmt: skip


def _compose(opened: _Opened, tenancy: Tenancy, core: Core, audit: AccessAudit) -> Application:
    settings, clock, database, rego = opened.settings, opened.clock, opened.database, opened.rego
    gate, own, deriver = core.gate, core.own, core.deriver
    pack_key = own_keys(settings).pack(settings.pack_key, clock.now())
    access = Access(database, gate, clock)
    quota = ModelQuota(database, orjson.loads(opened.policy.data), clock)
    packs = _packs(opened, tenancy, core, pack_key)
    return Application(
        **{one.name: getattr(core, one.name) for one in fields(core)},
        settings=settings,
        clock=clock,
        database=database,
        rego=rego,
        catalog=opened.catalog,
        policy=opened.policy,
        asking=Asking(database, Gate(rego, opened.policy, lane="asked"), own, opened.areas, quota, clock),
        access=access,
        access_audit=audit,
        access_batches=AccessBatches(database, own, audit, _pace(settings)),
        answer_receipts=AnswerReceipts(own, clock),
        exchange=_exchange(opened, core.trust, gate),
        federation=_federation(opened),
        peering=Peering(database, PeerKeySets(loopback=settings.federation_loopback), clock),
        advisories=Advisories(database, clock),
        backlog=Backlog(database, opened.catalog, clock, deriver, opened.assessing),
        documents=PersistedDocuments(database, clock),
        log=TransparencyLog(database),
        packs=packs,
        policy_bundles=PolicyBundles(opened.catalog, opened.policy, pack_key),
        quota=quota,
        query_side=opened.query_side,
        reads=Reads(database, opened.catalog, rego, access, PolicyInForce.of(opened.policy)),
        readiness=Readiness(database, gate),
        summaries=Summaries(database, own, opened.catalog, {"evidence-api": version("evidence-api")}),
        tenancy=tenancy,
        trust_rules=TrustRules(database, core.trust, core.admission, clock),
        writes=_writes(opened, core, packs),
    )


def _writes(opened: _Opened, core: Core, packs: Packs) -> Writes:
    """What people do here besides reading and uploading."""
    requests = ActionRequests(opened.database, core.gate, core.own, core.webhooks, opened.clock)
    orders = PackRequests(opened.database, requests, packs, opened.clock)
    return Writes(requests, orders, HandedOverrides(core.ingest, requests))


def _packs(opened: _Opened, tenancy: Tenancy, core: Core, key: PackKey) -> Packs:
    builder = PackBuilder(PdfRenderer(), key, opened.rego)
    grounds = PackGrounds(opened.catalog, opened.policy, trusted_root(opened.settings.trusted_root), _software())
    guard = PiiGuard(core.gate)
    return Packs(opened.database, tenancy, core.reassessor, builder, grounds, guard, opened.rego, opened.clock)


def _pace(settings: Settings) -> Pace:
    return Pace(timedelta(seconds=settings.access_interval), settings.access_rows)


def _refuses_found(policy: PolicyBundle) -> bool:
    """Whether policy data turns away anything the guard of personal data finds; otherwise nobody needs to look."""
    admission = orjson.loads(policy.data).get("admission")
    return isinstance(admission, dict) and bool(admission.get("refuse_found"))


def _model_settings(policy: PolicyBundle) -> object:
    """What operators set of models: limits of budgets among it."""
    return orjson.loads(policy.data).get("model_call")


def _exchange(opened: _Opened, trust: TrustBook, gate: Gate) -> Exchange:
    settings, clock = opened.settings, opened.clock
    verifier = TokenVerifier(IssuerKeys(clock, loopback=settings.oidc_loopback), clock)
    return Exchange(opened.database, trust, verifier, gate, clock, settings.public_url)


def _federation(opened: _Opened) -> Federation:
    settings = opened.settings
    signer = own_keys(settings).federation(settings.federation_key)
    return Federation(opened.database, opened.clock, signer, settings.public_url)


def _software() -> dict[str, str]:
    """What a pack names as its makers: name -> version."""
    return {name: version(name) for name in ("evidence-api", "gordon-to-regorus", "sigstore", "weasyprint")}


def _blobs(settings: Settings) -> str:
    return settings.blobs or str(settings.home / "blobs")
