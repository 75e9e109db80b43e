"""A release's verdict for other tools, the ground of both forms: who verified what, by which rules, from what.

The rule: a release PASSED when at least one control passed and none is fail, error, missing, stale or needs_review.
Waived, not_applicable and not_run do not stand in the way; those waived are named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from evidence_api.domain.assessment import Assessment, Outcome
from evidence_api.domain.control import Catalog
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.slsa_levels import build_level
from evidence_api.domain.statement import Subject

BLOCKING = (Outcome.FAIL, Outcome.ERROR, Outcome.MISSING, Outcome.STALE, Outcome.NEEDS_REVIEW)
RULE = f"at least one control passed, and none is {', '.join(outcome.value for outcome in BLOCKING)}"
ASSESSMENT = "urn:evidence-api:assessment:v1"  # an extension member: in-toto asks for names that are URIs


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """What a summary is made of: the `subjects` of the release, the `inputs` its verdicts rest on. `origin` is the
    origin of the tenant's log, which names the verifier for ever; `software` component -> version."""

    release: Release
    subjects: Sequence[Subject]
    assessment: Assessment
    catalog: Catalog
    inputs: Sequence[Evidence]
    origin: str
    software: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """By the rule above."""
        counts = self.assessment.counts
        return counts.get(Outcome.PASS, 0) > 0 and not any(counts.get(outcome, 0) for outcome in BLOCKING)

    @property
    def level(self) -> str | None:
        """The SLSA build level that a control states and held."""
        return build_level(self.catalog, self.assessment, len(self.subjects))

    @property
    def verifier(self) -> str:
        """The verifier's identity: this server's verdicts for this tenant. The number changes with the rule."""
        return f"urn:evidence-api:verifier:{self.origin}:v1"

    @property
    def resource(self) -> str:
        """The release as a package URL of type `generic`, its name and version percent-encoded (purl-spec)."""
        version = f"@{quote(self.release.version, safe='')}" if self.release.version else ""
        return f"pkg:generic/{quote(self.release.name, safe='')}{version}"

    @property
    def policy(self) -> dict[str, Any]:
        """The catalog: the URI stays the same so that a later verdict supersedes this one, the digest says which."""
        return {"uri": f"urn:evidence-api:catalog:{self.origin}", "digest": _digest(self.catalog.digest)}

    @property
    def details(self) -> dict[str, Any]:
        """What readers of ours may want beside the fields of the specifications."""
        assessment = self.assessment
        return {
            "rule": RULE,
            "counts": {outcome.value: count for outcome, count in assessment.counts.items() if count},
            "waived": sorted(one.control for one in assessment.findings if one.outcome is Outcome.WAIVED),
            "treeSize": assessment.tree_size,
            "policyBundle": _digest(assessment.policy_digest),
        }

    def attestations(self) -> list[dict[str, Any]]:
        """The evidence as resource descriptors: the bytes by digest, named by evidence id."""
        return [{"name": one.id, "digest": _digest(one.body_digest)} for one in self.inputs]


def _digest(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}
