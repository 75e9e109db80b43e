"""Summaries of a verdict: PASSED by the stated rule alone, and only what passed is a property."""

from dataclasses import replace

import pytest

from evidence_api.domain.assessment import Assessment, Outcome
from evidence_api.domain.digest import canonical
from evidence_api.domain.statement import Subject
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.svr import svr_predicate
from evidence_api.formats.verified_release import ASSESSMENT, VerifiedRelease
from evidence_api.formats.vsa import vsa_predicate
from tests.support.catalogs import RELEASE, assess, row
from tests.support.evidence import evidence_of
from tests.support.statements import sbom

CATALOG = load_catalog(
    {
        "a.yaml": "id: A\nquery: [{kind: vsa, where: '\"SLSA_BUILD_LEVEL_2\" in levels'}]\n---\n"
        "id: B\nquery: [{kind: sbom, where: criticals==0}]\n",
        "frameworks/slsa.yaml": "framework: slsa-build\ntitle: SLSA\nedition: 1.2, build track\nlicence: own\n"
        "aliases: [SLSA]\ncriteria: [{ref: BUILD-L1, title: One}]\n",
    }
)
ROWS = (row("vsa", {"levels": ("SLSA_BUILD_LEVEL_2",)}), row("sbom", {"criticals": 0}, number=2))


def verified(assessment: Assessment) -> VerifiedRelease:
    return VerifiedRelease(
        release=replace(RELEASE, name="@acme/pay ments", version="2.4.0+b"),
        subjects=(Subject("pay", {"sha256": "a" * 64}),),
        assessment=assessment,
        catalog=CATALOG,
        inputs=[evidence_of(sbom(), 3)],
        origin="log.test/acme",
        software={"evidence-api": "1"},
    )


def with_outcome(outcome: Outcome) -> VerifiedRelease:
    """A passes; B has the outcome."""
    whole = assess(CATALOG, ROWS)
    findings = (whole.findings[0], replace(whole.findings[1], outcome=outcome))
    counts = {one: sum(finding.outcome is one for finding in findings) for one in Outcome}
    return verified(replace(whole, findings=findings, counts=counts))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_stands_in_the_way_of_passed(outcome: Outcome) -> None:
    blocking = {Outcome.FAIL, Outcome.ERROR, Outcome.MISSING, Outcome.STALE, Outcome.NEEDS_REVIEW}
    predicate = vsa_predicate(with_outcome(outcome))
    failed = outcome in blocking
    assert predicate["verificationResult"] == ("FAILED" if failed else "PASSED")
    assert predicate["verifiedLevels"] == (["FAILED"] if failed else ["SLSA_BUILD_LEVEL_2"])
    assert ("slsaVersion" in predicate) is not failed
    assert predicate[ASSESSMENT]["waived"] == (["B"] if outcome is Outcome.WAIVED else [])


def test_nothing_that_passed_is_no_pass() -> None:
    nothing = replace(assess(CATALOG, ROWS), findings=(), counts=dict.fromkeys(Outcome, 0))
    assert vsa_predicate(verified(nothing))["verificationResult"] == "FAILED"
    assert svr_predicate(verified(nothing))["properties"] == []


def test_every_field_of_the_summary() -> None:
    whole = verified(assess(CATALOG, ROWS))
    predicate = vsa_predicate(whole)
    assert predicate["verifier"] == {
        "id": "urn:evidence-api:verifier:log.test/acme:v1",
        "version": {"evidence-api": "1"},
    }
    assert predicate["timeVerified"] == "2026-09-01T12:00:00Z"
    assert predicate["resourceUri"] == "pkg:generic/%40acme%2Fpay%20ments@2.4.0%2Bb"
    assert predicate["policy"]["digest"] == {"sha256": CATALOG.digest.removeprefix("sha256:")}
    assert predicate["slsaVersion"] == "1.2"
    assert "dependencyLevels" not in predicate
    (used,) = predicate["inputAttestations"]
    (given,) = whole.inputs
    assert used == {"name": given.id, "digest": {"sha256": given.body_digest.removeprefix("sha256:")}}
    assert canonical(predicate) == canonical(vsa_predicate(verified(assess(CATALOG, ROWS))))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_what_passed_is_a_property(outcome: Outcome) -> None:
    predicate = svr_predicate(with_outcome(outcome))
    controls = ["A", "B"] if outcome is Outcome.PASS else ["A"]
    assert predicate["properties"] == [*controls, "SLSA_BUILD_LEVEL_2"]
    assert predicate["verifier"]["policy"] == vsa_predicate(with_outcome(outcome))["policy"]
