"""One event of an Open Policy Agent decision log as predicate -> kind `opa`.

Source: OPA documentation, "Decision Logs". What was masked is unknown: a result or input that was erased or changed
before it was logged gives no fact. What a result means is told by the rule asked for (the end of `path`):

    …/allow, …/allowed           true allows; false, and nothing at all, denies
    …/deny, …/violations, …      an empty set allows; what is in it are the reasons
    an object                    its members of those names; the `response` of a Kubernetes AdmissionReview

A decision of a policy of this server's own bundle (`evidence/policy/<area>/decision`) names its area and its rules too.

Every event stands for itself: a later decision never takes the place of an earlier one, as a log that forgets its
denials is none. A gate's current answer is what `urn:evidence-api:policy-decision:v1` is for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Several, ThirdParty, Word, known_facts, read_model

_ALLOWING = frozenset({"allow", "allowed"})
_DENYING = frozenset({"deny", "denied", "violation", "violations"})
_REASONS = ("reasons", "reason", "messages", "message", "msg", "status")
_OWN = re.compile(r"evidence/policy/([^/]+)/decision")
_MOST_REASONS = 1_000
_LONGEST_REASON = 1_024  # characters; the rest stays in the evidence


class Bundle(ThirdParty):
    """The revision of one policy bundle."""

    revision: str = ""


class Event(ThirdParty):
    """The event. `path` is the rule that was asked for, `query` an ad hoc question; `revision` is from before bundles
    had names."""

    decision_id: Word
    timestamp: Moment
    labels: dict[str, str] = Field(default_factory=dict)
    path: Word | None = None
    query: str | None = None
    bundles: dict[str, Bundle] | None = None
    revision: str | None = None
    input: Any = None
    result: Any = None
    error: Any = None
    erased: Several[str] | None = None
    masked: Several[str] | None = None
    requested_by: str | None = None
    metrics: dict[str, Any] | None = None
    builtins: dict[str, Any] | None = Field(default=None, alias="nd_builtin_cache")


def read_opa_decision(statement: Statement) -> Normalised:
    """Read an event. Raises Malformed."""
    event = read_model(Event, statement.predicate)
    rule = event.path or event.query
    own = _OWN.fullmatch(event.path or "")
    facts = known_facts(
        {
            "rule": rule,
            "policy_bundle": _bundle(event),
            "input_digest": _input_digest(event),
            "area": own[1] if own else None,
        }
    )
    if event.error is None and not _hidden(event, "/result"):
        outcome = _outcome((event.path or "").rpartition("/")[2], event.result)
        if outcome is not None:
            reasons = tuple(reason[:_LONGEST_REASON] for reason in outcome.reasons[:_MOST_REASONS])
            facts |= {"result": "deny" if outcome.denies else "allow", "denies": outcome.denies, "reasons": reasons}
            if own:
                facts |= {"rules": _rules(event.result)}
    return Normalised("opa", facts, event.timestamp, series=event.decision_id)


def _rules(result: Any) -> tuple[str, ...]:  # noqa: ANN401  any JSON
    listed = result.get("rules") if isinstance(result, Mapping) else None
    named = [rule for rule in listed if isinstance(rule, str) and rule] if isinstance(listed, list) else []
    return tuple(rule[:_LONGEST_REASON] for rule in named[:_MOST_REASONS])


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How many times something was denied (0: allowed), and why."""

    denies: int
    reasons: tuple[str, ...] = ()


def _outcome(rule: str, result: Any) -> _Outcome | None:  # noqa: ANN401  any JSON
    """What a result of a rule of that name means; None: cannot be told."""
    if isinstance(result, Mapping):
        return _outcome_of_members(result)
    if rule in _ALLOWING and (result is None or isinstance(result, bool)):
        return _Outcome(int(not result))
    if rule in _DENYING and isinstance(result, bool):
        return _Outcome(int(result))
    if rule in _DENYING and isinstance(result, list):
        return _Outcome(len(result), tuple(_reasons(result)))
    return None


def _outcome_of_members(result: Mapping[str, Any]) -> _Outcome | None:
    """Every member that says something must allow; the denials add up. AdmissionReview nests them in `response`."""
    nested = result.get("response")
    members = nested if isinstance(nested, Mapping) else result
    values = {name: members[name] for name in sorted(_ALLOWING | _DENYING) if name in members}
    said = [_outcome(name, value) for name, value in values.items() if not isinstance(value, Mapping)]
    outcomes = [outcome for outcome in said if outcome is not None]
    if not outcomes:
        return None
    denies = sum(outcome.denies for outcome in outcomes)
    reasons = [reason for outcome in outcomes for reason in outcome.reasons]
    for name in _REASONS:
        stated = members.get(name)
        reasons += _reasons(stated if isinstance(stated, list) else [stated])
    return _Outcome(denies, tuple(dict.fromkeys(reasons)) if denies else ())


def _reasons(entries: Iterable[Any]) -> Iterator[str]:
    """Each denial's text: itself, or the member that holds its message."""
    for entry in entries:
        stated = next((entry[name] for name in _REASONS if name in entry), None) if isinstance(entry, dict) else entry
        if isinstance(stated, str) and stated:
            yield stated


def _bundle(event: Event) -> str | None:
    """`name@revision` of every bundle."""
    named = [f"{name}@{bundle.revision}" if bundle.revision else name for name, bundle in (event.bundles or {}).items()]
    return ", ".join(sorted(named)) or event.revision


def _input_digest(event: Event) -> str | None:
    """The digest of the canonical input, where the input is there as it was."""
    if "input" not in event.model_fields_set or _hidden(event, "/input"):
        return None
    try:
        return digest_of(canonical(event.input))
    except Malformed:  # numbers past 2^53 have no canonical form, so the input has no digest others could compute
        return None


def _hidden(event: Event, part: str) -> bool:
    """Whether a mask touched the part: JSON pointers of what was removed or changed."""
    return any(f"{pointer}/".startswith(f"{part}/") for pointer in (*(event.erased or ()), *(event.masked or ())))
