"""Rules in YAML: every fault with its place, and out again as they went in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.errors import InvalidSource, Malformed
from evidence_api.domain.trust_rule import EXACT_CLAIMS, PERMISSIONS, TrustRule
from evidence_api.formats.trust_rules import claim_named, format_rules, parse_rules

WRITTEN = """\
# Who may bring what
rules:
  - name: release builds
    issuer: https://token.actions.githubusercontent.com
    repository_id: 123456
    owner_id: 98765
    workflow: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*
    ref: refs/tags/*
    environment: production
    predicate_types: [https://slsa.dev/provenance/*, https://cyclonedx.org/bom]
    subjects: [app-*, 'pkg:oci/app*']
    allow: any_signer
  - name: deploy
    issuer: https://gitlab.example
    job_project_id: 7
    ref_protected: true
  - name: nightly key
    key: sha256:aa
    predicate_types: https://cyclonedx.org/*
"""


def faults_of(text: str) -> list[tuple[int, str]]:
    with pytest.raises(InvalidSource) as refused:
        parse_rules(text, "rules.yaml")
    return [(fault.line, fault.code) for fault in refused.value.faults]


def test_a_file_of_rules() -> None:
    release, deploy, nightly = parse_rules(WRITTEN, "rules.yaml")
    assert release == TrustRule(
        id=None,
        name="release builds",
        issuer="https://token.actions.githubusercontent.com",
        claims={
            "repository_id": "123456",
            "owner_id": "98765",
            "workflow": "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*",
            "ref": "refs/tags/*",
            "environment": "production",
        },
        predicate_types=("https://slsa.dev/provenance/*", "https://cyclonedx.org/bom"),
        subjects=("app-*", "pkg:oci/app*"),
        allow=("any_signer",),
    )
    assert dict(deploy.claims) == {"repository_id": "7", "protected": "true"}
    assert (nightly.key_id, nightly.predicate_types) == ("sha256:aa", ("https://cyclonedx.org/*",))


def test_no_rules_at_all() -> None:
    assert parse_rules("rules: []", "rules.yaml") == parse_rules("", "rules.yaml") == ()


def test_every_fault_is_told_at_once_with_its_line() -> None:
    text = """\
rules:
  - name: a
    issuer: https://issuer.example
    repositry_id: 1
    repository_id: 1*
  - name: a
    issuer: https://issuer.example
    project_id: 7
    owner_id: 1
    allow: [all]
  - issuer: https://issuer.example
    identity: me
  - name: both
    issuer: https://issuer.example
    repository_id: 1
    job_project_id: 2
moon: 1
"""
    assert faults_of(text) == [
        (17, "unknown_key"),
        (4, "unknown_key"),
        (5, "bad_rule"),
        (10, "unknown_value"),
        (8, "misleading_claim"),
        (6, "duplicate_name"),
        (11, "missing_key"),
        (16, "duplicate_key"),
    ]


def test_hints_name_the_nearest() -> None:
    with pytest.raises(InvalidSource) as refused:
        parse_rules("rules: [{name: a, issuer: i, repositry_id: 1}]", "rules.yaml")
    assert "did you mean 'repository_id'?" in str(refused.value)
    with pytest.raises(InvalidSource) as refused:
        parse_rules("rules: [{name: a, issuer: i, namespace_id: 1, identity: x}]", "rules.yaml")
    assert "job_namespace_id" in str(refused.value)


@pytest.mark.parametrize("text", ["rules: 1", "[]", "rules: [1]", "rules: [[a]]", "a: &b 1", "rules: {a: b}", "\t"])
def test_what_is_no_file_of_rules(text: str) -> None:
    assert faults_of(text)


def test_claims_by_any_of_their_names() -> None:
    assert claim_named("job_project_id") == claim_named("repository_id") == "repository_id"
    for name in ("project_id", "repositry_id", ""):
        with pytest.raises(Malformed):
            claim_named(name)


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12)
RULES = st.lists(
    st.builds(
        TrustRule,
        id=st.none(),
        name=WORDS,
        issuer=st.just("https://issuer.example"),
        identity=WORDS,
        claims=st.dictionaries(
            st.sampled_from(["ref", "workflow", "environment", *EXACT_CLAIMS]),
            WORDS.filter(lambda text: "*" not in text),
        ),
        predicate_types=st.lists(WORDS, max_size=3).map(tuple),
        subjects=st.lists(WORDS, max_size=3).map(tuple),
        allow=st.lists(st.sampled_from(PERMISSIONS), unique=True).map(tuple),
    ),
    max_size=4,
    unique_by=lambda rule: rule.name,
)


@given(RULES)
def test_what_is_written_is_read_again(rules: list[TrustRule]) -> None:
    assert parse_rules(format_rules(rules), "rules.yaml") == tuple(rules)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse_rules(f"rules:\n  - {text}", "rules.yaml")
    except InvalidSource:
        return
    assert len(read) <= 1
