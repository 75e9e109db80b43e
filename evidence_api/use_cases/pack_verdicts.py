"""Verifying a pack, steps 6 and 7: the rules are those named, and every verdict follows from them again."""

from collections.abc import Mapping, Sequence
from typing import Any

from evidence_api.domain.assessment import DERIVATION, Assessment, Finding
from evidence_api.domain.errors import EvidenceError, PackRejected
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.facts import owned_by, rows_of
from evidence_api.domain.pack import PackContents
from evidence_api.domain.verification import Verified
from evidence_api.engines.rego import PolicyBundle, RegoPool, policy_bundle
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.pack_waivers import waivers_document
from evidence_api.use_cases.evaluate import assess_release, catalog_bundle

_RELEASE_KIND = "release"


def check_rules(contents: PackContents, named: Mapping[str, str]) -> PolicyBundle:
    """Step 6: catalog and policy have their digests, and the catalog compiles to the Rego enclosed.

    `named` holds the digests the index gives for "catalog" and "policy".
    Raises PackRejected: `catalog_digest`, `catalog_rego`, `policy_digest`.
    """
    assessment, catalog = contents.assessment, contents.catalog
    # 1. the sources are those of the digest
    if not catalog.digest == named.get("catalog") == assessment.catalog_digest:
        raise PackRejected("the catalog enclosed is not the one that was assessed", code="catalog_digest")
    # 2. they compile to the Rego enclosed, to the letter
    if compile_catalog(catalog, contents.derivation) != contents.rego:
        raise PackRejected("the Rego enclosed is not what the catalog compiles to", code="catalog_rego")
    # 3. the policy bundle, alone and joined with that Rego
    try:
        policy = policy_bundle(contents.policy.modules, contents.policy.data)
        joined = catalog_bundle(catalog, policy, contents.derivation)
    except EvidenceError as fault:
        raise PackRejected(f"the policy bundle does not load: {fault.message[:300]}", code="policy_digest") from fault
    if not policy.digest == named.get("policy") == contents.policy.digest:
        raise PackRejected("the policy bundle enclosed is not the one named", code="policy_digest")
    if joined.digest != assessment.policy_digest:
        raise PackRejected("the rules enclosed are not those that were applied", code="policy_digest")
    return policy


async def check_verdicts(
    contents: PackContents, records: Sequence[Evidence], policy: PolicyBundle, rego: RegoPool
) -> Assessment:
    """Step 7: assess the release again from the records read in step 5, and compare everything.

    Raises PackRejected: `release`, `foreign_evidence`, `engine`, `verdict_outcome`, `verdict_because`,
    `verdict_detail`, `criteria`, `counts`.
    """
    told = contents.assessment
    # 1. the release is what its signed statement says, and the evidence is its own
    _check_release(contents.release, records, told)
    # 2. the same rows, rules and moment
    again = await _derived(contents, records, policy, rego, contents.derivation)
    # 3. the same verdicts, to the last word
    if [finding.control for finding in again.findings] != [finding.control for finding in told.findings]:
        raise PackRejected("the verdicts are not those of the catalog's controls", code="verdict_detail")
    for derived, printed in zip(again.findings, told.findings, strict=True):
        _compare(derived, printed)
    if again.criteria != told.criteria:
        raise PackRejected("the criteria do not follow from the verdicts", code="criteria")
    if dict(again.counts) != dict(told.counts):
        raise PackRejected("the counts are not those of the verdicts", code="counts")
    if again != told:
        raise PackRejected("the assessment says more than follows from the evidence", code="verdict_detail")
    return again


async def decided_otherwise(
    contents: PackContents, records: Sequence[Evidence], policy: PolicyBundle, rego: RegoPool
) -> tuple[str, ...]:
    """The controls whose outcome is another by the derivation of today; none for a pack of today.

    A pack says itself by which derivation it was made, so whoever reads it is told where that matters. Raises
    PackRejected `engine`.
    """
    if contents.derivation == DERIVATION:
        return ()
    today = await _derived(contents, records, policy, rego, DERIVATION)
    pairs = zip(today.findings, contents.assessment.findings, strict=True)
    return tuple(now.control for now, then in pairs if now.outcome is not then.outcome)


async def _derived(
    contents: PackContents, records: Sequence[Evidence], policy: PolicyBundle, rego: RegoPool, derivation: int
) -> Assessment:
    try:
        return await assess_release(
            rego,
            contents.catalog,
            policy,
            contents.release,
            rows_of(contents.release, records),
            tree_size=contents.assessment.tree_size,
            at=contents.assessment.evaluated_at,
            derivation=derivation,
        )
    except EvidenceError as fault:
        raise PackRejected(f"the verdicts could not be derived: {fault.message[:300]}", code="engine") from fault


def check_waivers(contents: PackContents, index: Mapping[str, Any]) -> None:
    """Step 7, last: the waivers the index lists are those of the catalog and the evidence. Packs of derivation 1 list
    none. Raises PackRejected `waivers`."""
    if index.get("waivers") != (waivers_document(contents) if contents.derivation > 1 else None):
        raise PackRejected("the waivers listed are not those of the catalog and the evidence", code="waivers")


def _check_release(release: Release, records: Sequence[Evidence], told: Assessment) -> None:
    statement = next((record for record in records if record.id == release.id), None)
    if statement is None or statement.kind != _RELEASE_KIND or not isinstance(statement.verification, Verified):
        raise PackRejected("no verified release statement is among the evidence", code="release")
    facts = statement.facts
    digests = {digest for subject in statement.subjects for digest in subject.digests}
    named = statement.erased or (facts.get("name"), facts.get("version", "")) == (release.name, release.version)
    if not named or digests != set(release.digests) or statement.leaf_index != release.leaf_index:
        raise PackRejected("the release is not what its signed statement says", code="release")
    if told.release != release.id:
        raise PackRejected("the assessment is of another release", code="release")
    foreign = {record.id for record in records} - {record.id for record in owned_by(release, records)}
    if foreign:
        raise PackRejected(f"{len(foreign)} records are not about this release", code="foreign_evidence")


def _compare(derived: Finding, printed: Finding) -> None:
    if (derived.outcome, derived.raw) != (printed.outcome, printed.raw):
        raise PackRejected(
            f"{printed.control} is recorded as {printed.outcome.value}; the evidence says {derived.outcome.value}",
            code="verdict_outcome",
            path=printed.control,
        )
    if derived.because != printed.because:
        raise PackRejected(
            f"the reason given for {printed.control} is not the one that follows: {derived.because[:300]}",
            code="verdict_because",
            path=printed.control,
        )
    if derived != printed:
        raise PackRejected(
            f"what is recorded of {printed.control} does not follow from the evidence",
            code="verdict_detail",
            path=printed.control,
        )
