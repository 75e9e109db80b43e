"""A tenant with something to read: evidence of every status, two releases, an assessment, a catalog on record."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from evidence_api.domain.assessment import Assessment, CriterionResult, Finding, Outcome, QueryResult
from evidence_api.domain.control import Catalog
from evidence_api.domain.evidence import Checked, Receipt
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.verification import CertificateSigner, Unsigned, Unsupported, Verified
from evidence_api.formats.catalog import load_catalog
from evidence_api.store import assessments, catalogs
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from tests.support.checked import ADMITTED, checked, release

SIGNED_AT = datetime(2026, 1, 30, 9, 30, tzinfo=UTC)
BY_CERTIFICATE = Verified(
    signer=CertificateSigner(
        "https://issuer.test",
        "https://git.test/org/repo/build.yml",
        "sha256:" + "c" * 64,
        {"source_ref": "refs/heads/main"},
    ),
    trust_root="sha256:" + "d" * 64,
    checks=("certificate chain", "identity", "signature"),
    signed_at=SIGNED_AT,
)
SOURCES: Mapping[str, str] = {
    "internal/tests.yaml": """\
id: IG-AUT-1
title: Tests pass
statement: Every release has passing tests.
fix: Run the tests.
query:
  - kind: test_result
    where: result==passed
---
id: IG-SC-5
title: Supply chain
query:
  - kind: sbom
    where: criticals==0
""",
    "frameworks/aicpa-tsc.yaml": """\
framework: aicpa-tsc
title: AICPA TSC
edition: '2017'
licence: ids-only
aliases: [SOC2]
criteria:
  - ref: CC7.1
    title: Changes are found
  - ref: CC7.2
    title: Anomalies are watched
""",
    "mappings/aicpa.yaml": """\
external: SOC2-CC7.2
maps_to: [IG-AUT-1, {control: IG-SC-5, note: components only}]
narrative: 'All tests pass; SBOM criticals=0'
also_known_as: [CC7.2-POF1]
reviewed: {by: j.doe, on: 2026-09-01}
""",
}


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was put in: receipts by name of the evidence, and the assessment's id."""

    receipts: Mapping[str, Receipt]
    assessment: UUID
    catalog: Catalog

    def evidence_id(self, name: str) -> str:
        return self.receipts[name].evidence_id

    @property
    def tree_size(self) -> int:
        return max(receipt.tree_size for receipt in self.receipts.values())


def small_catalog() -> Catalog:
    """Two controls, one framework of two criteria, one of them unmapped."""
    return load_catalog(SOURCES)


async def append_all(appender: Appender, scope: TenantScope, *items: Checked) -> list[Receipt]:
    """One after the other, so that leaves are in this order."""
    return [await appender.append(scope, item, ADMITTED) for item in items]


async def append_concurrently(appender: Appender, scope: TenantScope, *items: Checked) -> list[Receipt]:
    """All at once, in few batches; leaves come in any order."""
    return list(await asyncio.gather(*(appender.append(scope, item, ADMITTED) for item in items)))


async def seed(database: Database, appender: Appender, scope: TenantScope) -> Seeded:
    """Leaves: 0 release, 1 tests, 2 sbom (certificate), 3 unsigned, 4 unsupported, 5 unrelated tests, 6 release 2."""
    catalog = small_catalog()
    items = {
        "release": release("app", "artifact"),
        "tests": checked("tests"),
        "sbom": checked("sbom", kind="sbom", facts={"criticals": 2}, verification=BY_CERTIFICATE),
        "scan": checked("scan", kind="vulns", verification=Unsigned()),
        "old": checked("old", kind="provenance", verification=Unsupported("log entry intoto 0.0.2")),
        "unrelated": checked("unrelated", subjects=("other",)),
        "release-2": release("app", "artifact-2", version="2.0"),
    }
    receipts = dict(zip(items, await append_all(appender, scope, *items.values()), strict=True))
    assessment = example_assessment(catalog, receipts)
    async with database.tenant(scope) as connection:
        await catalogs.keep_catalog(connection, catalog.digest, catalog.sources, "package evidence.catalog", SIGNED_AT)
        identity = await assessments.save(connection, scope, assessment)
    return Seeded(receipts, identity, catalog)


def example_assessment(
    catalog: Catalog, receipts: Mapping[str, Receipt], *, tree_size: int = 5, at: datetime = SIGNED_AT
) -> Assessment:
    """Release 1 at five leaves: the tests pass, the SBOM fails."""
    tests, sbom = receipts["tests"].evidence_id, receipts["sbom"].evidence_id
    findings = (
        _finding("IG-AUT-1", Outcome.PASS, "test_result", "result==passed", tests, matched=True),
        _finding("IG-SC-5", Outcome.FAIL, "sbom", "criticals==0", sbom, matched=False),
    )
    return Assessment(
        release=receipts["release"].evidence_id,
        tree_size=tree_size,
        evaluated_at=at,
        catalog_digest=catalog.digest,
        policy_digest="sha256:" + "e" * 64,
        findings=findings,
        criteria=(
            CriterionResult("aicpa-tsc", "CC7.1", Outcome.NOT_RUN, (), unmapped=True),
            CriterionResult("aicpa-tsc", "CC7.2", Outcome.FAIL, ("IG-AUT-1", "IG-SC-5")),
        ),
        counts={Outcome.PASS: 1, Outcome.FAIL: 1},
        notes=("waiver W-1 is over",),
    )


def _finding(control: str, outcome: Outcome, kind: str, where: str, evidence_id: str, *, matched: bool) -> Finding:  # noqa: PLR0913  a row
    query = QueryResult(
        name="",
        kind=kind,
        where=where,
        outcome=outcome,
        population=1,
        tested=1,
        matched=(evidence_id,) if matched else (),
        failed=() if matched else (evidence_id,),
        unknown=(),
        stale=(),
    )
    return Finding(
        control=control,
        outcome=outcome,
        raw=outcome,
        because=f"1 of 1 rows of {kind}",
        fix="" if matched else "Upgrade the components.",
        queries=(query,),
        evidence=(evidence_id,),
    )
