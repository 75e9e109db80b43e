"""A release's verdict as an in-toto simple verification result (SVR): what passed, and nothing else.

Source: in-toto attestation, spec/predicates/svr.md, predicate type https://in-toto.io/attestation/svr/v0.1. Control ids
carry the prefix of their catalog (IG-…), which is the scope the specification asks properties to have.
"""

from typing import Any

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.formats.verified_release import ASSESSMENT, VerifiedRelease

SVR = "https://in-toto.io/attestation/svr/v0.1"
SVR_MEDIA_TYPE = "application/vnd.in-toto.svr+dsse"  # in-toto spec v1, envelope.md


def svr_predicate(verified: VerifiedRelease) -> dict[str, Any]:
    """The predicate: controls in state pass are properties, and a SLSA level that a passing control states."""
    passed = [one.control for one in verified.assessment.findings if one.outcome is Outcome.PASS]
    return {
        "verifier": {"id": verified.verifier, "policy": verified.policy},
        "timeCreated": format_rfc3339(verified.assessment.evaluated_at),
        "properties": sorted(passed) + ([verified.level] if verified.level else []),
        ASSESSMENT: verified.details,
    }
