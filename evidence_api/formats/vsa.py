"""A release's verdict as a SLSA verification summary (VSA).

Source: slsa.dev/spec/v1.2/verification_summary, predicate type https://slsa.dev/verification_summary/v1.
`dependencyLevels` is left out: nobody verified the dependencies, and 0 would be a statement.
"""

import re
from typing import Any

from evidence_api.domain.control import Catalog
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.formats.verified_release import ASSESSMENT, VerifiedRelease

VSA = "https://slsa.dev/verification_summary/v1"
VSA_MEDIA_TYPE = "application/vnd.in-toto.vsa+dsse"  # in-toto spec v1, envelope.md
_EDITION = re.compile(r"([0-9]+\.[0-9]+)(?=\D|\Z)")


def vsa_predicate(verified: VerifiedRelease) -> dict[str, Any]:
    """The predicate. The same assessment gives the same one, to the byte, by the same version of this program."""
    level = verified.level if verified.passed else None
    return {
        "verifier": {"id": verified.verifier, "version": dict(verified.software)},
        "timeVerified": format_rfc3339(verified.assessment.evaluated_at),
        "resourceUri": verified.resource,
        "policy": verified.policy,
        "inputAttestations": verified.attestations(),
        "verificationResult": "PASSED" if verified.passed else "FAILED",
        "verifiedLevels": _levels(level, passed=verified.passed),
        **({"slsaVersion": version} if level and (version := _slsa_version(verified.catalog)) else {}),
        ASSESSMENT: verified.details,
    }


def _levels(level: str | None, *, passed: bool) -> list[str]:
    """One level of the track, "FAILED", or none: that the release passed says nothing of SLSA by itself."""
    if not passed:
        return ["FAILED"]
    return [level] if level else []


def _slsa_version(catalog: Catalog) -> str | None:
    """MAJOR.MINOR of the SLSA the catalog's framework is an edition of."""
    editions = (one.edition for one in catalog.frameworks if "SLSA" in {one.title, *one.aliases})
    return next((found[1] for edition in editions if (found := _EDITION.search(edition))), None)
