"""Reading, fourth step: the predicate, by its type, into the typed facts of one kind.

The table is closed: a predicate type that is not in it is kept as kind `statement`, whose only fact is the
type. What a reader may say is fixed in domain/kinds.py.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.access_audit import ACCESS_AUDIT_TYPE
from evidence_api.formats.cyclonedx import SPEC_VERSIONS
from evidence_api.formats.predicates.access_audit import read_access_audit
from evidence_api.formats.predicates.action import read_action
from evidence_api.formats.predicates.action_request import ACTION_REQUEST, read_action_request
from evidence_api.formats.predicates.check_runs import read_check_runs
from evidence_api.formats.predicates.cosign_vuln import read_cosign_vuln
from evidence_api.formats.predicates.decision import read_decision
from evidence_api.formats.predicates.dependency_debt import read_dependency_debt
from evidence_api.formats.predicates.github_checks import read_github_checks
from evidence_api.formats.predicates.incident import read_incident
from evidence_api.formats.predicates.opa_decision import read_opa_decision
from evidence_api.formats.predicates.osv_record import read_osv
from evidence_api.formats.predicates.override import read_override
from evidence_api.formats.predicates.plugin_review import read_plugin_review
from evidence_api.formats.predicates.policy_decision import read_policy_decision
from evidence_api.formats.predicates.provenance_v02 import read_v01, read_v02
from evidence_api.formats.predicates.provenance_v1 import read_v1
from evidence_api.formats.predicates.release import read_release
from evidence_api.formats.predicates.reperformance import read_reperformance
from evidence_api.formats.predicates.reproducible_build import read_reproducible_build
from evidence_api.formats.predicates.sarif_log import read_sarif
from evidence_api.formats.predicates.sbom import read_cyclonedx, read_spdx
from evidence_api.formats.predicates.sbom_drift import read_sbom_drift
from evidence_api.formats.predicates.test_result import read_test_result
from evidence_api.formats.predicates.verification_summary import read_svr, read_vsa
from evidence_api.formats.predicates.vex import read_vex
from evidence_api.formats.predicates.vulns import read_vulns
from evidence_api.formats.predicates.wrapped import read_wrapped
from evidence_api.formats.reperformance import REPERFORMANCE_TYPE
from evidence_api.formats.spdx import SPDX_VERSIONS

Reader: TypeAlias = Callable[[Statement], Normalised]

# The second is cosign's own, from before predicate types had to be URIs.
COSIGN_VULN_TYPES = ("https://cosign.sigstore.dev/attestation/vuln/v1", "cosign.sigstore.dev/attestation/vuln/v1")
MAX_PAYLOAD = 64 * 1024 * 1024  # bytes; a large SBOM is some 20 MB
MAX_WORD = 8_192  # characters of one fact
MAX_WORDS = 20_000  # entries of one list fact

READERS: Mapping[str, Reader] = {
    "https://slsa.dev/provenance/v0.1": read_v01,
    "https://slsa.dev/provenance/v0.2": read_v02,
    "https://slsa.dev/provenance/v1": read_v1,
    "https://slsa.dev/provenance/v1.0": read_v1,
    "https://slsa.dev/provenance/v1.0?draft": read_v1,
    "https://slsa.dev/provenance/v1.1": read_v1,
    "https://slsa.dev/provenance/v1.2": read_v1,
    "https://cyclonedx.org/bom": read_cyclonedx,
    **{f"https://cyclonedx.org/bom/v{version}": read_cyclonedx for version in SPEC_VERSIONS},
    "https://spdx.dev/Document": read_spdx,
    **{f"https://spdx.dev/Document/v{version}": read_spdx for version in SPDX_VERSIONS},
    **dict.fromkeys(COSIGN_VULN_TYPES, read_cosign_vuln),
    "https://in-toto.io/attestation/svr/v0.1": read_svr,
    "https://in-toto.io/attestation/svr/v0.2": read_svr,
    "https://in-toto.io/attestation/test-result/v0.1": read_test_result,
    "https://in-toto.io/attestation/vulns/v0.1": read_vulns,
    "https://in-toto.io/attestation/vulns/v0.2": read_vulns,
    "https://openvex.dev/ns": read_vex,
    "https://openvex.dev/ns/v0.2.0": read_vex,
    "https://slsa.dev/verification_summary/v0.2": read_vsa,
    "https://slsa.dev/verification_summary/v1": read_vsa,
    ACCESS_AUDIT_TYPE: read_access_audit,
    "urn:evidence-api:action:v1": read_action,
    ACTION_REQUEST: read_action_request,
    "urn:evidence-api:check-runs:v1": read_check_runs,
    "urn:evidence-api:document:v1": read_wrapped,
    "urn:evidence-api:github-checks:v1": read_github_checks,
    "urn:evidence-api:incident:v1": read_incident,
    "urn:evidence-api:opa-decision:v1": read_opa_decision,
    "urn:evidence-api:osv:v1": read_osv,
    "urn:evidence-api:override:v1": read_override,
    "urn:evidence-api:plugin-review:v1": read_plugin_review,
    "urn:evidence-api:policy-decision:v1": read_policy_decision,
    "urn:evidence-api:dependency-debt:v1": read_dependency_debt,
    "urn:evidence-api:release:v1": read_release,
    REPERFORMANCE_TYPE: read_reperformance,
    "urn:evidence-api:reproducible-build:v1": read_reproducible_build,
    "urn:evidence-api:sbom-drift:v1": read_sbom_drift,
    "urn:evidence-api:sarif:v2.1.0": read_sarif,
    **dict.fromkeys(DECISIONS, read_decision),
}
# Types that had no reader once: logs hold evidence of theirs as kind `statement`, and it stays that.
FORMERLY_UNREAD = frozenset({*DECISIONS, ACCESS_AUDIT_TYPE, ACTION_REQUEST, REPERFORMANCE_TYPE})
STATEMENT = "statement"


def normalise(statement: Statement, payload_size: int) -> Normalised:
    """Read a statement's predicate into facts; `payload_size` is that of the signed payload in bytes.

    Raises Malformed with a dotted path, TooLarge over a bound. An unknown type is kind `statement`.
    """
    if payload_size > MAX_PAYLOAD:
        raise TooLarge("the payload is too large to be read", limit=MAX_PAYLOAD, value=payload_size)
    reader = READERS.get(statement.predicate_type)
    if reader is None:
        return unread(statement, payload_size)
    normalised = reader(statement)
    check_bounds(normalised)
    return normalised


def unread(statement: Statement, _payload_size: int = 0) -> Normalised:
    """A statement of which nothing but its type is read: kind `statement`."""
    return Normalised(STATEMENT, {"predicate_type": statement.predicate_type}, series=statement.predicate_type)


def reader_of(kind: str) -> Callable[[Statement, int], Normalised]:
    """How evidence is read again that the log holds as `kind`: as it was read when it was appended. The leaf proves
    the kind, so nobody can call something a `statement` afterwards to hide what it says."""

    def read(statement: Statement, payload_size: int) -> Normalised:
        then = kind == STATEMENT and statement.predicate_type in FORMERLY_UNREAD
        return (unread if then else normalise)(statement, payload_size)

    return read


def check_bounds(normalised: Normalised) -> None:
    """Facts are short printable words, because they are indexed, compared and printed. Raises Refused."""
    for path, fact in (*normalised.facts.items(), ("series", normalised.series)):
        words = fact if isinstance(fact, tuple) else (fact,) if isinstance(fact, str) else ()
        if len(words) > MAX_WORDS:
            raise TooLarge(f"{path}: too many entries", path=path, limit=MAX_WORDS, value=len(words))
        for word in words:
            if len(word) > MAX_WORD:
                raise TooLarge(f"{path}: too long", path=path, limit=MAX_WORD, value=len(word))
            if "\x00" in word:
                raise Malformed(f"{path}: holds a NUL character", path=path)
