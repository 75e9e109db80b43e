"""Trust rules: whose evidence a tenant takes, as data. Admission policy (Rego) matches them; this module says what they
are, what may be written in one, and what a pattern means.

A rule names a signer, by an OIDC issuer and what must hold of its identity, or by a registered key, and may bind it to
predicate types and subjects. A registered key that no rule names is trusted for everything.

Patterns: `*` stands for any run of characters, none and `/` included. Every other character is itself, upper and lower
case differ, and the whole text must fit. There is nothing else to know, wherever a pattern may stand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.statement import Subject

ANY_SIGNER, FORK, PULL_REQUEST_TARGET = "any_signer", "fork", "pull_request_target"
PERMISSIONS = (ANY_SIGNER, FORK, PULL_REQUEST_TARGET)

# What a rule may ask of a signer. Ids do not change when a repository or its owner is renamed, so they are exact.
CLAIMS = (
    "repository_id",
    "owner_id",
    "repository",
    "workflow",
    "entry_workflow",
    "ref",
    "commit",
    "environment",
    "protected",
    "runner",
    "trigger",
    "visibility",
    "subject",
)
EXACT_CLAIMS = ("repository_id", "owner_id", "protected")
WHO = ("repository_id", "owner_id", "subject")  # one of these, or an identity, says who; the rest only narrows it
# Other names of the same claims, as GitHub, GitLab and certificates spell them.
SPELLINGS: Mapping[str, str] = {
    "job_project_id": "repository_id",
    "job_namespace_id": "owner_id",
    "repository_owner_id": "owner_id",
    "job_workflow_ref": "workflow",
    "workflow_ref": "entry_workflow",
    "event_name": "trigger",
    "pipeline_source": "trigger",
    "ref_protected": "protected",
    "runner_environment": "runner",
    "deployment_environment": "environment",
    "sub": "subject",
}
# GitLab names the fork in these when a merge request comes from one.
MISLEADING: Mapping[str, str] = {"project_id": "job_project_id", "namespace_id": "job_namespace_id"}

MAX_RULES = 256
MAX_TEXT = 1024
MAX_NAME = 200
MAX_PATTERNS = 64
_ALWAYS_ASKED = frozenset({"repository_id", "owner_id", "trigger", "fork"})  # policy/trust compares these itself


@dataclass(frozen=True, slots=True)
class TrustRule:
    """One rule. `id` is None until it is stored.

    A signer by certificate or CI token: `issuer`, with `identity` (the certificate's SAN, exactly; "" for any) and
    `claims` (name of CLAIMS -> pattern). A signer by key: `key_id` ("sha256:<hex>") and no issuer. `predicate_types`
    and `subjects` are patterns, () for all; `allow` is of PERMISSIONS.
    """

    id: UUID | None
    name: str
    issuer: str = ""
    identity: str = ""
    claims: Mapping[str, str] = field(default_factory=dict, hash=False)
    key_id: str = ""
    predicate_types: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "claims", MappingProxyType(dict(self.claims)))

    @property
    def label(self) -> str:
        """How people are shown the rule."""
        return self.name or self.identity or self.key_id or self.issuer

    @property
    def plain(self) -> bool:
        """Whether it says no more than: this issuer, exactly this identity."""
        bound = self.claims or self.key_id or self.predicate_types or self.subjects or self.allow
        return bool(self.identity) and not bound

    def content(self) -> dict[str, Any]:
        """The rule as JSON without its id, its lists sorted: what two equal rules have in common."""
        return {
            "name": self.name,
            "issuer": self.issuer,
            "identity": self.identity,
            "claims": dict(sorted(self.claims.items())),
            "key_id": self.key_id,
            "predicate_types": sorted(self.predicate_types),
            "subjects": sorted(self.subjects),
            "allow": sorted(self.allow),
        }

    def asked(self) -> dict[str, Any]:
        """The rule as policy is shown it."""
        return {"id": str(self.id), "label": self.label, **self.content()}


class TenantRules:
    """A tenant's rules, with what admission needs of them at hand. `digest` names them by content."""

    def __init__(self, rules: Iterable[TrustRule] = ()) -> None:
        self.rules = tuple(rules)
        self.digest = digest_of(canonical([rule.asked() for rule in self.rules]))
        self.claims = tuple(sorted(_ALWAYS_ASKED.union(*(rule.claims for rule in self.rules))))
        self.by_subject = tuple(rule for rule in self.rules if rule.subjects)

    def of_issuer(self, issuer: str) -> tuple[TrustRule, ...]:
        """The rules about an issuer."""
        return tuple(rule for rule in self.rules if rule.issuer and rule.issuer == issuer)

    def of_key(self, key_id: str) -> tuple[TrustRule, ...]:
        """The rules about a registered key."""
        return tuple(rule for rule in self.rules if rule.key_id and rule.key_id == key_id)

    def by_issuer(self) -> tuple[TrustRule, ...]:
        """The rules about any issuer."""
        return tuple(rule for rule in self.rules if rule.issuer)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern. Takes time in proportion to both, whatever they are."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    *middle, last = rest
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


@lru_cache(maxsize=MAX_RULES)
def _sorted_out(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    """Texts, beginnings (their one star is the last character) and all others: the first two are found at once."""
    exact = frozenset(one for one in patterns if "*" not in one)
    beginnings = tuple(one[:-1] for one in patterns if one.endswith("*") and one.count("*") == 1)
    others = tuple(one for one in patterns if "*" in one[:-1])
    return exact, beginnings, others


def _covered(patterns: tuple[str, ...], text: str) -> bool:
    exact, beginnings, others = _sorted_out(patterns)
    return text in exact or text.startswith(beginnings) or any(matches(pattern, text) for pattern in others)


def outside(patterns: tuple[str, ...], subjects: Sequence[Subject]) -> str | None:
    """The first subject that no pattern covers by name or by one of its digests ("algorithm:hex"); None: all are
    covered. A statement about nothing is covered by no pattern.

    Named here and not in policy, because a statement may have 100,000 subjects and questions are kept on record.
    """
    for subject in subjects:
        if not any(_covered(patterns, text) for text in (subject.name, *subject.digests)):
            return subject.name or next(iter(subject.digests), "a subject without name and digest")
    return None if subjects else "no subject"


def faults(rule: TrustRule) -> Iterator[tuple[str, str]]:
    """What is wrong with a rule: (the key at fault, a sentence)."""
    if len(rule.name) > MAX_NAME:
        yield "name", f"a name of {len(rule.name)} characters; the limit is {MAX_NAME}"
    if bool(rule.issuer) == bool(rule.key_id):
        yield "issuer" if rule.issuer else "name", "a rule names either an issuer or a key"
    elif rule.key_id:
        yield from _key_faults(rule)
    else:
        yield from _issuer_faults(rule)
    yield from _bounds(rule)


def _key_faults(rule: TrustRule) -> Iterator[tuple[str, str]]:
    for key in ("identity", "claims", "allow"):
        if getattr(rule, key):
            yield key, f"a rule about a key has no {key}: a key says nothing of itself"


def _issuer_faults(rule: TrustRule) -> Iterator[tuple[str, str]]:
    if not rule.identity and not any(rule.claims.get(claim, "").strip("*") for claim in WHO):
        yield "issuer", f"says only where identities come from; add one of identity, {', '.join(WHO)}"
    for name, pattern in rule.claims.items():
        if name not in CLAIMS:
            yield name, f"there is no claim {name!r}"
        elif not pattern:
            yield name, f"{name} is empty"
        elif "*" in pattern and name in EXACT_CLAIMS:
            yield name, f"{name} is exact, so it holds no *"
    for permission in rule.allow:
        if permission not in PERMISSIONS:
            yield "allow", f"{permission[:60]!r} is none of {', '.join(PERMISSIONS)}"


def _bounds(rule: TrustRule) -> Iterator[tuple[str, str]]:
    texts: dict[str, tuple[str, ...]] = {name: (value,) for name, value in rule.claims.items()}
    texts |= {"issuer": (rule.issuer,), "identity": (rule.identity,)}
    texts |= {"predicate_types": rule.predicate_types, "subjects": rule.subjects}
    for key, values in texts.items():
        if key in {"predicate_types", "subjects"} and "" in values:
            yield key, "a pattern is empty"
        if len(values) > MAX_PATTERNS:
            yield key, f"{len(values)} patterns; the limit is {MAX_PATTERNS}"
        longest = max(map(len, values), default=0)
        if longest > MAX_TEXT:
            yield key, f"a text of {longest} characters; the limit is {MAX_TEXT}"
