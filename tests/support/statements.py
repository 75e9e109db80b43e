"""Statements of every kind as plain JSON-able dicts, for tests of any layer.

Each builder gives a whole in-toto Statement v1; `subjects` are digests "algorithm:hex" (or one such). Sign
`statement_bytes(...)` to make evidence of it.
"""

# ruff: noqa: PT028  test_result is a builder named after its predicate, not a test

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evidence_api.domain.digest import digest_of
from evidence_api.formats.cyclonedx import SPEC_VERSIONS

WHEN = "2026-01-31T12:00:00Z"
BUILDER = "https://github.com/actions/runner/github-hosted"
REPOSITORY = "https://github.com/example/widget"
COMMIT = "sha1:" + "c0" * 20
ARTIFACT = digest_of(b"widget-1.0.0.tar.gz")

Statement = dict[str, Any]


def subject(digest: str, name: str = "") -> dict[str, Any]:
    """A subject with one digest; `sha1:` is written as in-toto's `gitCommit`."""
    algorithm, _, value = digest.partition(":")
    return {"name": name or digest[:20], "digest": {"gitCommit" if algorithm == "sha1" else algorithm: value}}


def statement(predicate_type: str, subjects: str | Sequence[str], predicate: Mapping[str, Any]) -> Statement:
    """Any statement."""
    digests = [subjects] if isinstance(subjects, str) else subjects
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject(digest) for digest in digests],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def statement_bytes(document: Statement) -> bytes:
    """The payload to sign."""
    return json.dumps(document).encode()


def provenance(
    subjects: str | Sequence[str] = ARTIFACT,
    commit: str = COMMIT,
    *,
    builder: str = BUILDER,
    repository: str = REPOSITORY,
    finished: str = WHEN,
) -> Statement:
    """SLSA provenance v1 of a GitHub workflow; `commit` is "sha1:<40 hex>"."""
    algorithm, _, value = commit.partition(":")
    return statement(
        "https://slsa.dev/provenance/v1",
        subjects,
        {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {
                    "workflow": {
                        "ref": "refs/tags/v1.0.0",
                        "repository": repository,
                        "path": ".github/workflows/release.yml",
                    }
                },
                "resolvedDependencies": [
                    {
                        "uri": f"git+{repository}@refs/tags/v1.0.0",
                        "digest": {"gitCommit" if algorithm == "sha1" else algorithm: value},
                    }
                ],
            },
            "runDetails": {
                "builder": {"id": builder},
                "metadata": {"invocationId": f"{repository}/actions/runs/1/attempts/1", "finishedOn": finished},
            },
        },
    )


def provenance_v02(
    subjects: str | Sequence[str] = ARTIFACT, commit: str = COMMIT, *, finished: str = WHEN
) -> Statement:
    """SLSA provenance v0.2."""
    source = {"uri": f"git+{REPOSITORY}@refs/heads/main", "digest": {"sha1": commit.partition(":")[2]}}
    return statement(
        "https://slsa.dev/provenance/v0.2",
        subjects,
        {
            "builder": {"id": BUILDER},
            "buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
            "invocation": {"configSource": {**source, "entryPoint": ".github/workflows/release.yml"}},
            "metadata": {"buildInvocationID": "1-1", "buildFinishedOn": finished},
            "materials": [source, {"uri": "pkg:docker/python@3.11", "digest": {"sha256": "0d" * 32}}],
        },
    )


def sbom(  # noqa: PLR0913  each is one thing a test may want to be different
    subjects: str | Sequence[str] = ARTIFACT,
    *,
    components: int = 2,
    criticals: int | None = 0,
    highs: int = 0,
    states: Sequence[str] = (),
    tool: str = "cyclonedx-py",
    timestamp: str = WHEN,
    spec_version: str = SPEC_VERSIONS[-2],
) -> Statement:
    """A CycloneDX BOM. `criticals=None` leaves `vulnerabilities` out: not analysed. `states` are VEX analysis
    states given to the critical ones, first to last."""
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": spec_version,
        "version": 1,
        "metadata": {"timestamp": timestamp, "tools": {"components": [{"type": "application", "name": tool}]}},
        "components": [
            {
                "type": "library",
                "bom-ref": f"pkg:pypi/part{number}@1.0",
                "name": f"part{number}",
                "version": "1.0",
                "purl": f"pkg:pypi/part{number}@1.0",
                "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
            for number in range(components)
        ],
        "dependencies": [{"ref": f"pkg:pypi/part{number}@1.0"} for number in range(components)],
    }
    if criticals is not None:
        document["vulnerabilities"] = [
            *(_vulnerability(number, "critical", states) for number in range(criticals)),
            *(_vulnerability(criticals + number, "high", ()) for number in range(highs)),
        ]
    return statement("https://cyclonedx.org/bom", subjects, document)


def _vulnerability(number: int, severity: str, states: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": f"CVE-2026-{number:04}", "ratings": [{"severity": severity}]}
    if number < len(states):
        found["analysis"] = {"state": states[number]}
    return found


def test_result(
    subjects: str | Sequence[str] = COMMIT,
    *,
    result: str = "PASSED",
    passed: Sequence[str] = ("unit",),
    failed: Sequence[str] = (),
    configuration: str = ".github/workflows/ci.yml",
) -> Statement:
    """An in-toto test result."""
    return statement(
        "https://in-toto.io/attestation/test-result/v0.1",
        subjects,
        {
            "result": result,
            "configuration": [{"name": configuration}],
            "passedTests": list(passed),
            "warnedTests": [],
            "failedTests": list(failed),
        },
    )


def vulns(
    subjects: str | Sequence[str] = ARTIFACT,
    *,
    severities: Sequence[str] = (),
    scanner: str = "pkg:github/aquasecurity/trivy@v0.60.0",
    finished: str = WHEN,
) -> Statement:
    """A vulnerability scan with one finding for each of `severities`."""
    return statement(
        "https://in-toto.io/attestation/vulns/v0.2",
        subjects,
        {
            "scanner": {
                "uri": scanner,
                "db": {"uri": "pkg:github/aquasecurity/trivy-db", "lastUpdate": finished},
                "result": [
                    {"id": f"CVE-2026-{number:04}", "severity": [{"method": "nvd", "score": severity}]}
                    for number, severity in enumerate(severities)
                ],
            },
            "metadata": {"scanStartedOn": finished, "scanFinishedOn": finished},
        },
    )


def github_checks(
    subjects: str | Sequence[str] = COMMIT,
    *,
    conclusions: Sequence[str | None] = ("success",),
    required: bool = True,
    decided: str = WHEN,
) -> Statement:
    """The checks of a commit, one for each of `conclusions` (None: still running)."""
    return statement(
        "urn:evidence-api:github-checks:v1",
        subjects,
        {
            "producer": {"id": "checks-exporter", "version": "1.0.0"},
            "decidedAt": decided,
            "checks": [
                {"name": f"check-{number}", "conclusion": conclusion, "required": required}
                for number, conclusion in enumerate(conclusions)
            ],
        },
    )


def policy_decision(
    subjects: str | Sequence[str] = COMMIT,
    *,
    result: str = "allow",
    rule: str = "data.merge.allow",
    reasons: Sequence[str] = (),
    decided: str = WHEN,
    **more: object,
) -> Statement:
    """One Rego decision; `more` are further members (area, rules …)."""
    return statement(
        "urn:evidence-api:policy-decision:v1",
        subjects,
        {
            "producer": {"id": "policy-runner", "version": "1.0.0"},
            "decidedAt": decided,
            "rule": rule,
            "result": result,
            "reasons": list(reasons),
            "inputDigest": digest_of(b"input"),
            "bundleDigest": digest_of(b"bundle"),
            **more,
        },
    )


def release(subjects: str | Sequence[str] = ARTIFACT, *, name: str = "widget", version: str = "1.0.0") -> Statement:
    """A release statement: the subjects are the release's artifacts."""
    return statement("urn:evidence-api:release:v1", subjects, {"name": name, "version": version})


def _own(name: str, subjects: str | Sequence[str], decided: str, predicate: Mapping[str, Any]) -> Statement:
    """A statement of our own, without the members that are None."""
    stated = {key: value for key, value in predicate.items() if value is not None}
    head = {"producer": {"id": f"{name}-desk", "version": "1.0.0"}, "decidedAt": decided}
    return statement(f"urn:evidence-api:{name}:v1", subjects, {**head, **stated})


def override(  # noqa: PLR0913  each is one thing a test may want to be different
    subjects: str | Sequence[str] = ARTIFACT,
    *,
    control: str | None = "IG-SC-5",
    rule: str | None = None,
    scope: str | None = None,
    reason: str = "Only in the test image.",
    owner: str = "o.wner",
    requester: str = "r.equester",
    approver: str = "a.pprover",
    starts: str = "2026-01-01T00:00:00Z",
    until: str = "2026-03-01T00:00:00Z",
    decided: str = WHEN,
) -> Statement:
    """An override of a control (or, with `rule`, of a policy rule)."""
    people = {"owner": owner, "requester": requester, "approver": approver}
    about = {"control": None if rule else control, "rule": rule, "scope": scope, "reason": reason}
    return _own("override", subjects, decided, {**about, **people, "from": starts, "until": until})


def action(  # noqa: PLR0913  each is one thing a test may want to be different
    subjects: str | Sequence[str] = ARTIFACT,
    *,
    action: str = "rollback",
    actor: str = "release-bot",
    target: str = "widget",
    justification: str = "error rate over the limit",
    decided: str = WHEN,
) -> Statement:
    """Something that was done."""
    done = {"action": action, "actor": actor, "target": target, "justification": justification}
    return _own("action", subjects, decided, done)


def plugin_review(  # noqa: PLR0913  each is one thing a test may want to be different
    subjects: str | Sequence[str] = ARTIFACT,
    *,
    plugin: str = "widget-plugin",
    version: str = "1.0.0",
    rubric: str = "marketplace-2026",
    stars: int = 4,
    verdict: str = "approve",
    permissions: Sequence[str] = ("read:code",),
    reviewer: str = "r.eviewer",
    decided: str = WHEN,
) -> Statement:
    """One reviewer's judgement of a plugin."""
    judged = {"rubric": rubric, "stars": stars, "verdict": verdict, "permissions": list(permissions)}
    review = {"plugin": plugin, "version": version, "reviewer": reviewer, **judged}
    return _own("plugin-review", subjects, decided, review)


def incident(  # noqa: PLR0913  each is one thing a test may want to be different
    subjects: str | Sequence[str] = ARTIFACT,
    *,
    name: str = "INC-1",
    severity: str = "high",
    status: str = "resolved",
    opened: str = "2026-01-30T10:00:00Z",
    resolved: str | None = "2026-01-30T12:30:00Z",
    plugin: str | None = None,
    root_cause: str | None = "expired certificate",
    decided: str = WHEN,
) -> Statement:
    """An incident; `resolved` goes with the status of that name."""
    told = {"id": name, "title": "Checkout is down", "severity": severity, "status": status, "opened": opened}
    return _own(
        "incident", subjects, decided, {**told, "resolved": resolved, "plugin": plugin, "rootCause": root_cause}
    )
