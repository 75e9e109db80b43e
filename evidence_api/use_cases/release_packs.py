"""The packs of a tenant's releases: assess now, gather everything the verdicts rest on, build, keep, give out.

Commit points: the assessment first, then both files together. A crash between them leaves an assessment
without a pack; nothing refers to a pack that is not whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from evidence_api.domain.assessment import Assessment
from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import Inadmissible
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.facts import rows_of
from evidence_api.domain.pack import PackContents, PackedEvidence, PackedIdentity, PackedKey, PackedPolicy, PackedTrust
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.verdict import WORST_FIRST, Outcome
from evidence_api.domain.verification import CertificateSigner, KeySigner, Verified
from evidence_api.engines.clock import Clock
from evidence_api.engines.rego import PolicyBundle, RegoPool
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.pack_artifacts import rests_on_trusted_root
from evidence_api.store import assessments, evidence, pack_requests, packs, read_log, releases, trust
from evidence_api.store.pack_requests import PackRequest
from evidence_api.store.packs import StoredPack
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.evaluate import assess_release
from evidence_api.use_cases.packs import JSON_TYPE, PDF_TYPE, BuiltPack, PackBuilder
from evidence_api.use_cases.pii_guard import PiiGuard
from evidence_api.use_cases.reassess import Reassessor
from evidence_api.use_cases.tenancy import Tenancy

_PURPOSE = "pack"
_RANK = {outcome: rank for rank, outcome in enumerate((*WORST_FIRST, Outcome.NOT_APPLICABLE))}


@dataclass(frozen=True, slots=True)
class KeptPack:
    """A pack that was built and kept: `release` is name@version, `status` complete or partial."""

    release: str
    status: str
    completeness: str
    json_digest: str
    pdf_digest: str
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class PackGrounds:
    """What every pack of this server rests on besides evidence."""

    catalog: Catalog
    policy: PolicyBundle
    trusted_root: bytes
    software: Mapping[str, str]


class Packs:
    """Builds, lists and gives out packs."""

    def __init__(  # noqa: PLR0913, PLR0917  what a pack is made from
        self,
        database: Database,
        tenancy: Tenancy,
        reassessor: Reassessor,
        builder: PackBuilder,
        grounds: PackGrounds,
        guard: PiiGuard,
        rego: RegoPool,
        clock: Clock,
    ) -> None:
        self._database = database
        self._tenancy = tenancy
        self._reassessor = reassessor
        self._builder = builder
        self._grounds = grounds
        self._guard = guard
        self._rego = rego
        self._clock = clock

    async def build(
        self, scope: TenantScope, reference: str, *, redact: bool = False, by: str = "", order: UUID | None = None
    ) -> KeptPack:
        """Assess the release (name, name@version or evidence id) now and pack it, as JSON and PDF.

        A pack leaves the tenant, so policy is asked about personal data and secrets in it; with `redact`, copies
        without them take the place of bodies that may not leave, and verdicts are those that follow from the copies.
        `by` is who asked (kind:id) where that is known, `order` the order it fills.
        Raises NotFound, PackRejected (`pack_refused`, `pack_inconsistent`), Inadmissible (`export_denied`,
        `redaction_helps`), Undecided.
        """
        assessment = await self._reassessor.assess_now(scope, reference)
        contents = await self._cleared(scope, await self._gather(scope, assessment), redact=redact)
        built = await self._builder.build(contents)
        await self._keep(scope, assessment, built, redact=redact, by=by, order=order or uuid4())
        return KeptPack(
            release=f"{contents.release.name}@{contents.release.version}",
            status=built.status.value,
            completeness=built.completeness,
            json_digest=built.json_digest,
            pdf_digest=built.pdf_digest,
            assessment=assessment,
        )

    async def _keep(  # noqa: PLR0913  what is said of a pack besides its bytes
        self, scope: TenantScope, assessment: Assessment, built: BuiltPack, *, redact: bool, by: str, order: UUID
    ) -> None:
        """Both files and the end of the order, in one transaction."""
        now = self._clock.now()
        assessment_id = assessments.identity(assessment)
        async with self._database.tenant(scope) as connection:
            for content, media_type in ((built.json, JSON_TYPE), (built.pdf, PDF_TYPE)):
                await packs.keep(
                    connection,
                    scope,
                    content,
                    release=assessment.release,
                    assessment_id=assessment_id,
                    media_type=media_type,
                    at=now,
                )
            await pack_requests.finish(
                connection,
                scope,
                PackRequest(order, assessment.release, redact, by, "", now),
                now,
                completeness=built.status.value,
                json_digest=built.json_digest,
                pdf_digest=built.pdf_digest,
            )

    async def _cleared(self, scope: TenantScope, contents: PackContents, *, redact: bool) -> PackContents:
        """The contents as they may leave."""
        cleared = await self._guard.clear(_PURPOSE, contents.evidence, redact=redact, scope=scope)
        if not cleared.redacted:
            return contents
        told = contents.assessment
        assessment = await assess_release(
            self._rego,
            contents.catalog,
            self._grounds.policy,
            contents.release,
            rows_of(contents.release, [item.evidence for item in cleared.items]),
            tree_size=told.tree_size,
            at=told.evaluated_at,
        )
        _check_not_helped(told, assessment)
        return replace(contents, evidence=cleared.items, assessment=assessment)

    async def get(self, scope: TenantScope, digest: str) -> StoredPack:
        """One pack's bytes. Raises NotFound."""
        async with self._database.reading(scope) as connection:
            return await packs.get(connection, scope, digest)

    async def newest(self, scope: TenantScope) -> Sequence[Mapping[str, Any]]:
        """The newest hundred packs, newest first, as JSON records without their bytes."""
        async with self._database.reading(scope) as connection:
            return await packs.newest(connection, scope)

    async def _gather(self, scope: TenantScope, assessment: Assessment) -> PackContents:
        """Everything from one snapshot, in which the log may have grown past the assessment's tree."""
        async with self._database.reading(scope) as connection:
            head = await read_log.head(connection, scope)
            release = await releases.get(connection, scope, assessment.release)
            owned = await evidence.owned(connection, scope, release.id, assessment.tree_size)
            packed = await _packed(connection, scope, owned, head.tree_size)
            trusted = await self._trusted(connection, scope, owned)
        return PackContents(
            tenant=scope.name,
            log_origin=head.origin,
            log_key=str(self._tenancy.log_verifier(scope)),
            checkpoint=head.checkpoint,
            release=release,
            evidence=packed,
            assessment=assessment,
            catalog=self._grounds.catalog,
            rego=compile_catalog(self._grounds.catalog),
            policy=PackedPolicy(self._grounds.policy.digest, self._grounds.policy.modules, self._grounds.policy.data),
            trust=trusted,
            software=self._grounds.software,
        )

    async def _trusted(self, connection: Connection, scope: TenantScope, owned: Sequence[Evidence]) -> PackedTrust:
        """The keys and identities that verified this evidence, ended ones too: they counted when it was received."""
        signers = [item.verification.signer for item in owned if isinstance(item.verification, Verified)]
        key_ids = {signer.key_id for signer in signers if isinstance(signer, KeySigner)}
        identities = {(signer.issuer, signer.identity) for signer in signers if isinstance(signer, CertificateSigner)}
        keys = await trust.every_key(connection, scope)
        names = {signer.key_id: signer.name for signer in signers if isinstance(signer, KeySigner)}
        return PackedTrust(
            keys=tuple(PackedKey(names[key.key_id], key.pem) for key in keys if key.key_id in key_ids),
            identities=tuple(PackedIdentity(*identity) for identity in sorted(identities)),
            trusted_root=self._grounds.trusted_root if any(map(rests_on_trusted_root, owned)) else None,
        )


def _check_not_helped(original: Assessment, copied: Assessment) -> None:
    """Two names that differ in a secret are one once it is replaced: one statement may then seem to supersede another,
    and what failed would be gone. Raises Inadmissible `redaction_helps` where a verdict is better for it."""
    helped = [
        after.control
        for before, after in zip(original.findings, copied.findings, strict=True)
        if _RANK[after.outcome] > _RANK[before.outcome] or _RANK[after.raw] > _RANK[before.raw]
    ]
    if helped:
        raise Inadmissible(
            f"without what was redacted these verdicts would be better than they are: {', '.join(helped[:5])}; "
            "let it leave as it is (policy data.export), or replace that evidence at its source",
            code="redaction_helps",
            controls=helped,
        )


async def _packed(
    connection: Connection, scope: TenantScope, owned: Sequence[Evidence], tree_size: int
) -> tuple[PackedEvidence, ...]:
    """Each record with its bytes (None once erased), its leaf and its proof."""
    bodies = await evidence.bodies(connection, scope, [item.body_digest for item in owned])
    proofs = await read_log.proofs(connection, scope, [item.leaf_index for item in owned], tree_size)
    return tuple(
        PackedEvidence(
            evidence=item,
            body=bodies.get(item.body_digest),
            leaf=proofs[item.leaf_index].leaf,
            proof=proofs[item.leaf_index].proof,
        )
        for item in owned
    )
