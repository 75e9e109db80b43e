"""What a rule may say, and what a pattern means: held against a reference that tries everything."""

import re
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.statement import Subject
from evidence_api.domain.trust_rule import MAX_PATTERNS, MAX_TEXT, TenantRules, TrustRule, faults, matches, outside

ISSUER = "https://issuer.example"
TEXTS = st.text(alphabet="ab*.\n/\\[é", max_size=8)


def fits(pattern: str, text: str) -> bool:
    """The meaning, said as plainly as can be: try every run of characters for each star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(fits(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return text[:1] == pattern[0] and fits(pattern[1:], text[1:])


@given(TEXTS, TEXTS)
def test_patterns_mean_what_the_reference_says(pattern: str, text: str) -> None:
    assert matches(pattern, text) == fits(pattern, text)


@given(st.lists(st.text(alphabet="ab.", max_size=3), min_size=1, max_size=4), st.lists(st.text(max_size=3)))
def test_what_is_put_for_the_stars_fits(pieces: list[str], runs: list[str]) -> None:
    text = "".join(piece + (runs[n] if n < len(runs) else "") for n, piece in enumerate(pieces[:-1])) + pieces[-1]
    assert matches("*".join(pieces), text)


@given(TEXTS)
def test_without_a_star_only_the_text_itself_fits(text: str) -> None:
    plain = text.replace("*", "")
    assert matches(plain, plain)
    assert not matches(plain, plain + "a")


@given(st.lists(TEXTS, min_size=1, max_size=4).map(tuple), TEXTS.filter(bool))
def test_a_subject_is_covered_where_one_pattern_fits(patterns: tuple[str, ...], name: str) -> None:
    covered = any(fits(pattern, text) for pattern in patterns for text in (name, "sha256:ab"))
    assert outside(patterns, (Subject(name, {"sha256": "ab"}),)) == (None if covered else name)


def test_hostile_patterns_take_no_time() -> None:
    assert not matches("*a" * 500 + "b", "a" * 100_000)
    assert matches("*a" * 500, "a" * 100_000)


def subject(name: str, digest: str = "ab") -> Subject:
    return Subject(name, {"sha256": digest})


def test_the_first_subject_outside_is_named() -> None:
    assert outside(("app-*",), (subject("app-1"), subject("app-2"))) is None
    assert outside(("app-*", "lib-*"), (subject("app-1"), subject("lib-2"), subject("web"))) == "web"
    assert outside(("sha256:cd*",), (subject("app", "cdef"),)) is None
    assert outside(("sha256:cd*",), (subject("", "ab"),)) == "sha256:ab"
    assert outside(("*",), ()) == "no subject"
    assert outside(("*",), (subject(""),)) is None


def rule(**members: Any) -> TrustRule:  # noqa: ANN401  any member
    return TrustRule(None, **{"name": "r", "issuer": ISSUER, "identity": "me", **members})


@pytest.mark.parametrize(
    ("made", "key"),
    [
        (rule(issuer=""), "name"),
        (rule(key_id="sha256:aa"), "issuer"),
        (rule(identity=""), "issuer"),
        (rule(identity="", claims={"ref": "refs/heads/main", "workflow": "*"}), "issuer"),
        (rule(identity="", claims={"subject": "*"}), "issuer"),
        (rule(claims={"repository_id": "12*"}), "repository_id"),
        (rule(claims={"owner_id": "*"}), "owner_id"),
        (rule(claims={"protected": "t*"}), "protected"),
        (rule(claims={"ref": ""}), "ref"),
        (rule(claims={"moon": "1"}), "moon"),
        (rule(allow=("everything",)), "allow"),
        (rule(issuer="", identity="", key_id="k", allow=("fork",)), "allow"),
        (rule(issuer="", key_id="k"), "identity"),
        (rule(issuer="", identity="", key_id="k", claims={"ref": "x"}), "claims"),
        (rule(name="x" * 201), "name"),
        (rule(predicate_types=("a", "")), "predicate_types"),
        (rule(claims={"ref": "x" * (MAX_TEXT + 1)}), "ref"),
        (rule(subjects=("x",) * (MAX_PATTERNS + 1)), "subjects"),
    ],
)
def test_what_no_rule_may_say(made: TrustRule, key: str) -> None:
    assert [at for at, _ in faults(made)] == [key]


@pytest.mark.parametrize(
    "made",
    [
        rule(),
        rule(identity="", claims={"repository_id": "1"}),
        rule(identity="", claims={"owner_id": "1", "ref": "refs/tags/*", "protected": "true"}),
        rule(identity="", claims={"subject": "repo:acme/*"}, allow=("fork", "any_signer")),
        rule(issuer="", identity="", key_id="sha256:aa", predicate_types=("*",), subjects=("app",)),
    ],
)
def test_what_a_rule_may_say(made: TrustRule) -> None:
    assert list(faults(made)) == []


def test_plain_rules_are_what_identity_rules_were() -> None:
    assert rule().plain
    assert not rule(allow=("fork",)).plain
    assert not rule(identity="", claims={"repository_id": "1"}).plain


def test_rules_are_found_by_whom_they_are_about() -> None:
    about_issuer, about_key = rule(claims={"environment": "x"}), rule(issuer="", identity="", key_id="k")
    rules = TenantRules([about_issuer, about_key])
    assert rules.of_issuer(ISSUER) == rules.by_issuer() == (about_issuer,)
    assert rules.of_key("k") == (about_key,)
    assert rules.of_key("") == rules.of_issuer("") == ()
    assert set(rules.claims) == {"environment", "fork", "owner_id", "repository_id", "trigger"}
    assert rules.digest != TenantRules([about_issuer]).digest
    assert TenantRules().digest == TenantRules([]).digest


def test_a_rules_content_has_no_order() -> None:
    one, other = rule(subjects=("a", "b"), allow=("fork", "any_signer")), rule(subjects=("b", "a"))
    assert one.content()["subjects"] == other.content()["subjects"]
    assert re.fullmatch(r"[0-9a-f-]{36}", TrustRule(uuid4(), "r").asked()["id"])
