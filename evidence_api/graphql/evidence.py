"""Evidence as readers see it: one record of the log, its signer, subjects, facts, bytes and proof."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import strawberry

from evidence_api.domain import reading
from evidence_api.domain.page import Page, Window
from evidence_api.domain.reading import ON_REQUEST, EvidenceView, Listing
from evidence_api.graphql.connections import Connection, Counting, connect
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, page_size, window_of
from evidence_api.graphql.decisions import Decision, ReperformanceStatus, decision_of
from evidence_api.graphql.evidence_links import EvidenceLinks
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.ids import encode_id, key_of
from evidence_api.graphql.nodes import Node
from evidence_api.graphql.proofs import InclusionProof, prove
from evidence_api.graphql.rechecks import Recheck, rechecks_of
from evidence_api.graphql.scalars import EvidenceStatus, Json, Time
from evidence_api.graphql.selection import PAGE_NODE, selected
from evidence_api.graphql.signatures import Verification, verification_of
from evidence_api.use_cases.list_counts import count_evidence

_NO_RECORD: EvidenceView | None = None
NO_EVIDENCE: Page[EvidenceView] = Page((), more=False)


@strawberry.input(description="Which evidence a list shows; every condition given must hold.")
class EvidenceFilter:
    """Conditions on evidence, all optional."""

    kind: list[str] | None = strawberry.field(default=None, description="Any of these kinds, e.g. sbom or provenance.")
    subject: str | None = strawberry.field(
        default=None, description='About this digest, as "algorithm:hex", e.g. sha256:… or sha1:… for a commit.'
    )
    predicate_type: str | None = strawberry.field(default=None, description="With exactly this predicate type.")
    release: strawberry.ID | None = strawberry.field(
        default=None, description="Owned by this release (its id, or the evidence id of its statement)."
    )
    status: list[EvidenceStatus] = strawberry.field(
        default_factory=lambda: [EvidenceStatus.VERIFIED],
        description="With any of these results. Only verified evidence by default, since nothing else counts for "
        "controls; an empty list shows every status.",
    )
    reperformance: list[ReperformanceStatus] | None = strawberry.field(
        default=None, description="Decisions alone: any of these came of them when they were computed again."
    )
    differing: str | None = strawberry.field(
        default=None,
        description="Decisions alone: the inputs do not bear out the claim at this dotted path, e.g. card.chosenArm.",
    )


Filter = Annotated[EvidenceFilter | None, strawberry.argument(description="Which evidence; verified only by default.")]


@strawberry.type(description="One thing the evidence is about.")
class Subject:
    """A subject of the statement."""

    name: str = strawberry.field(description='Its name in the statement; "" if none.')
    digests: list[str] = strawberry.field(description='Its digests as "algorithm:hex", sorted.')


@strawberry.type(description="The bytes received, which every digest and signature is about.")
class Body:
    """The body of one record; `digest` is for ever, the bytes may be erased."""

    digest: str = strawberry.field(description="sha256:<hex> of the bytes; also their name under /v1/blobs/.")
    size: int = strawberry.field(description="How many bytes.")
    media_type: str = strawberry.field(description="The media type of the bytes.")

    @resolved(
        "The bytes, base64; null once erased. An answer holds at most 8 MiB of them: larger ones come from /v1/blobs/."
    )
    async def content(self, info: Info) -> str | None:
        """Load the bytes together with those of the siblings."""
        context = info.context

        async def load(digests: Sequence[str]) -> dict[str, bytes]:
            return await context.session.bodies(digests)

        context.take_body_bytes(self.size)
        absent: bytes | None = None
        content = await context.batches.of("bodies", load, absent).get(self.digest)
        return None if content is None else b64encode(content).decode()


@strawberry.type(description="One signed record of the tenant's log: what it says, who signed it, where it is proved.")
class Evidence(EvidenceLinks, Node):
    """domain.reading.EvidenceView, for readers."""

    evidence_id: str = strawberry.field(description="The evidence's identity: sha256:<hex> of its canonical envelope.")
    leaf_index: int = strawberry.field(description="Its place in the log, from 0.")
    kind: str = strawberry.field(description="What catalog queries call this sort of evidence.")
    predicate_type: str = strawberry.field(description="The in-toto predicate type.")
    media_type: str = strawberry.field(description="The media type of the bytes received.")
    status: EvidenceStatus = strawberry.field(description="The result of the signature checks.")
    effective: Time | None = strawberry.field(description="Clock 1: the time the evidence is about; null if not said.")
    collected: Time | None = strawberry.field(
        description="Clock 2: the verified time it was signed; null for a bare key signature."
    )
    received: Time = strawberry.field(description="Clock 3: when this server received it.")
    series: str = strawberry.field(
        description="What a later statement about the same subjects supersedes, e.g. one scanner's reports."
    )
    sources: list[str] = strawberry.field(description="Digests the subjects were built from (provenance only).")
    admission_decision: str = strawberry.field(description="The id of the policy decision that admitted it.")

    @resolved(
        "The signature checks as they came out when the evidence came in: signer, method, times, trust root. This is "
        "what verdicts rest on; `rechecks` has what was found later."
    )
    def verification(self) -> Verification:
        """The stored result."""
        if self.row.verification is None:
            raise LookupError("verification was not read")
        return verification_of(self.row.verification, Time(self.row.received))

    @resolved(
        "Later checks of the same bytes, newest first: against a newer trusted root, or with whom is trusted by then. "
        "They change neither the evidence nor `verification` nor any verdict, and are shown as they are now, whatever "
        "tree size is read."
    )
    async def rechecks(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many at most, up to 100.")] = 10,
    ) -> list[Recheck]:
        """The newest ones, read together with those of the siblings."""
        return await rechecks_of(info, self.leaf_index, page_size("first", first))

    @resolved("What the evidence is about, in the statement's order.")
    def subjects(
        self,
        first: Annotated[int, strawberry.argument(description="How many at most, up to 100.")] = 20,
    ) -> list[Subject]:
        """The first subjects."""
        rows = (self.row.subjects or ())[: page_size("first", first)]
        return [Subject(name=one.name, digests=list(one.digests)) for one in rows]

    @resolved("The facts read from the predicate: dotted path to value. An absent path is unknown.")
    def facts(self) -> Json:
        """The typed summary that catalog queries see."""
        return Json(self.row.facts or {})

    @resolved(
        "What it decided, computed again from its own signed inputs; null for evidence that is no decision, and once "
        "erased (`erased` says so)."
    )
    async def decision(self, info: Info) -> Decision | None:
        """Computed together with those of the siblings, and kept for a while."""
        return await decision_of(info, self.row, self.at)

    @resolved("The bytes received.")
    def body(self) -> Body:
        """Digest and size; the bytes only if selected."""
        return Body(digest=self.row.body_digest, size=self.row.body_size, media_type=self.row.media_type)

    @resolved(
        "Whether the bytes were erased. The record, its digests and proofs stay; "
        "erasure is the one change a pinned reading shows."
    )
    def erased(self) -> bool:
        """The body is gone."""
        return bool(self.row.erased)

    @resolved("Proof that the record is in the log.")
    async def proof(
        self,
        info: Info,
        tree_size: Annotated[
            int | None, strawberry.argument(description="In the tree of this size; by default the one being read.")
        ] = None,
    ) -> InclusionProof | None:
        """Made together with the siblings' proofs; null for a tree without the record."""
        size = self.at.size if tree_size is None else await info.context.session.tree_size(tree_size)
        return await prove(info, self.leaf_index, size)


def evidence_of(row: EvidenceView, at: Moment) -> Evidence:
    """A row as a reader sees it."""
    return Evidence(
        id=strawberry.ID(encode_id("Evidence", row.id)),
        row=row,
        at=at,
        evidence_id=row.id,
        leaf_index=row.leaf_index,
        kind=row.kind,
        predicate_type=row.predicate_type,
        media_type=row.media_type,
        status=EvidenceStatus(row.status),
        effective=None if row.effective is None else Time(row.effective),
        collected=None if row.collected is None else Time(row.collected),
        received=Time(row.received),
        series=row.series,
        sources=list(row.sources),
        admission_decision=row.decision_id,
    )


def chosen_by(given: EvidenceFilter | None) -> reading.EvidenceFilter:
    """The filter of the read. A release that is another type's id matches nothing."""
    given = given or EvidenceFilter()
    release = None if given.release is None else key_of(given.release, "Release") or "-"
    return reading.EvidenceFilter(
        kinds=tuple(given.kind or ()),
        subject=given.subject,
        predicate_type=given.predicate_type,
        release=release,
        statuses=tuple(status.value for status in given.status),
        reperformance=tuple(status.value.lower() for status in given.reperformance or ()),
        differing=given.differing,
    )


def evidence_window(field: str, chosen: reading.EvidenceFilter, paging: Paging) -> tuple[Window, str]:
    """The window of a list of evidence, and what its cursors are bound to."""
    hashed = evidence_hash(field, chosen)
    return window_of(paging, hashed), hashed


def evidence_hash(field: str, chosen: reading.EvidenceFilter) -> str:
    """What the cursors of a list of evidence are bound to."""
    return filter_hash(
        field,
        kinds=sorted(chosen.kinds),
        subject=chosen.subject,
        predicate_type=chosen.predicate_type,
        release=chosen.release,
        statuses=sorted(chosen.statuses),
        **_of_decisions(chosen),
    )


def _of_decisions(chosen: reading.EvidenceFilter) -> dict[str, object]:
    """What is asked of decisions, where something is; cursors of other lists stay as they were."""
    asked = {
        "reperformance": sorted(chosen.reperformance),
        "differing": chosen.differing,
        "rollout": chosen.rollout,
    }
    return {name: value for name, value in asked.items() if value}


def connect_evidence(
    page: Page[EvidenceView], window: Window, hashed: str, at: Moment, counting: Counting | None = None
) -> Connection[Evidence]:
    """A page of evidence."""
    return connect(page, window, hashed, lambda row: str(row.leaf_index), lambda row: evidence_of(row, at), counting)


def counted_evidence(info: Info, chosen: reading.EvidenceFilter, at: Moment) -> Counting:
    """What counts a list of evidence of the log."""
    return partial(count_evidence, info.context.session, chosen, at.size)


def listing_of(info: Info, window: Window, at: Moment) -> Listing:
    """How a page of evidence is to be read: with the columns its selections need."""
    return Listing(window, at.size, wanted(info, *PAGE_NODE))


def wanted(info: Info, *path: str) -> frozenset[str]:
    """The columns that what is selected of evidence at `path` needs; a decision's are those that say it is here."""
    fields = selected(info, *path)
    return (fields | {"erased"} if "decision" in fields else fields) & ON_REQUEST


async def evidence_row(info: Info, evidence_id: str, at: Moment, wants: frozenset[str]) -> EvidenceView | None:
    """One record by evidence id, of any status, loaded together with others asked for in this turn."""
    session = info.context.session

    async def load(ids: Sequence[str]) -> dict[str, EvidenceView]:
        return await session.evidence_by_ids(ids, at.size, wants)

    return await info.context.batches.of(("evidence", at.size, wants), load, _NO_RECORD).get(evidence_id)


async def find_evidence(info: Info, key: str, at: Moment) -> Evidence | None:
    """One record by evidence id as readers see it, with what they select of it."""
    row = await evidence_row(info, key, at, wanted(info))
    return None if row is None else evidence_of(row, at)


async def find_all_evidence(info: Info, ids: Sequence[str], at: Moment) -> list[Evidence]:
    """Records by evidence id, in that order, those there are, loaded together with others asked for in this turn."""
    wants = wanted(info)
    rows = await asyncio.gather(*(evidence_row(info, one, at, wants) for one in ids))
    return [evidence_of(row, at) for row in rows if row is not None]
