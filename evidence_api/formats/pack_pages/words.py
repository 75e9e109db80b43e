"""How the pages say things: states as symbol and word, moments, digests, criteria, counts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from evidence_api.domain.assessment import Assessment, Outcome
from evidence_api.domain.control import Per, Query
from evidence_api.domain.pack import PackedEvidence
from evidence_api.domain.verification import Verification, Verified
from evidence_api.formats.pack_pages.markup import Markup, el

# Outcome -> (symbol, word). The symbols differ in shape, so that no state is told by colour alone.
STATES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.PASS: ("✓", "Passed"),
    Outcome.FAIL: ("×", "Failed"),  # noqa: RUF001  the sign for a failure
    Outcome.MISSING: ("?", "Missing"),
    Outcome.STALE: ("↺", "Stale"),
    Outcome.WAIVED: ("~", "Waived"),
    Outcome.ERROR: ("!", "Error"),
    Outcome.NEEDS_REVIEW: ("→", "Needs review"),
    Outcome.NOT_RUN: ("·", "Not run"),
    Outcome.NOT_APPLICABLE: ("–", "Not applicable"),  # noqa: RUF001  an en dash
}
ORDER: tuple[Outcome, ...] = (
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.MISSING,
    Outcome.STALE,
    Outcome.NEEDS_REVIEW,
    Outcome.WAIVED,
    Outcome.NOT_RUN,
    Outcome.PASS,
    Outcome.NOT_APPLICABLE,
)
EXCEPTIONS = ORDER[:7]
_IN_A_CELL = 900  # characters in a cell of a table; pack.json has the whole
_BRIEF = 36  # characters of an identity shown in a card


def word(outcome: Outcome) -> str:
    """The word printed for an outcome."""
    return STATES[outcome][1]


def badge(outcome: Outcome) -> Markup:
    """Symbol and word in the colour of the state."""
    symbol, name = STATES[outcome]
    return el("span", el("b", symbol), " ", name, class_=f"state {outcome.value}")


def moment(at: datetime | None) -> str:
    """Minutes in UTC, `2026-11-20 18:09`; a dash when unknown."""
    return "–" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")  # noqa: RUF001  an en dash


def exactly(at: datetime) -> str:
    """RFC 3339 to the second, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def short(digest: str) -> str:
    """The first 12 hex digits of a digest, enough to find the whole one in the annexes."""
    return digest.rpartition(":")[2][:12]


def digest(value: str) -> Markup:
    """A whole digest, in type that lets it wrap."""
    return el("span", value, class_="digest")


def signed_by(verification: Verification) -> str:
    """Who signed, or why nobody counts as having signed."""
    if isinstance(verification, Verified):
        return verification.signer.label
    return verification.status


def signed_by_briefly(verification: Verification) -> str:
    """The same, with only the end of a long identity; the evidence register has the whole."""
    label = signed_by(verification)
    return label if len(label) <= _BRIEF else f"…{label[1 - _BRIEF :]}"


def remark(item: PackedEvidence) -> str | None:
    """What a reader must know of a record before the rest: that its bytes are not here as they were signed."""
    return " (erased)" if item.evidence.erased else " (redacted)" if item.redaction is not None else None


def hexadecimal(value: str) -> Markup:
    """The hex digits of a digest without its algorithm, which the column's head names."""
    return el("span", value.rpartition(":")[2], class_="digest")


def cut(text: str, limit: int = _IN_A_CELL) -> str:
    """The text, or its beginning and an ellipsis: a row of a table never grows past a page."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 control`, `3 controls`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def verdict(assessment: Assessment) -> str:
    """The sentence an auditor came for."""
    total = sum(assessment.counts.values())
    neutral = assessment.counts.get(Outcome.NOT_APPLICABLE, 0)
    passed = assessment.counts.get(Outcome.PASS, 0)
    applicable = total - neutral
    if applicable and passed == applicable:
        return f"All {plural(applicable, 'applicable control')} passed."
    return f"{passed} of {plural(applicable, 'applicable control')} passed; {exceptions(assessment)}."


def exceptions(assessment: Assessment) -> str:
    """`2 failed, 1 missing, 1 waived`; "no exceptions" when there are none."""
    found = [(assessment.counts.get(outcome, 0), word(outcome).lower()) for outcome in EXCEPTIONS]
    return ", ".join(f"{count} {name}" for count, name in found if count) or "no exceptions"


def lasting(span: timedelta) -> str:
    """`30 days`, `36 hours`, `90 seconds`: the largest unit that says it exactly."""
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds and seconds % size == 0:
            return plural(seconds // size, unit)
    return plural(seconds, "second")


def expectation(query: Query) -> str:
    """What a query asks for, in words."""
    scope = {Per.RELEASE: "for the release", Per.SUBJECT: "for each artifact", Per.OCCURRENCE: "and every row"}
    parts = [f"at least {query.at_least} {scope[query.per]}"]
    if query.population is not None:
        parts.append(f"of those with {query.population_source}")
    if query.fresh is not None:
        parts.append(f"not older than {lasting(query.fresh.max_age)} ({query.fresh.clock} time)")
    if query.sample.size is not None:
        parts.append(f"sample of {query.sample.size}, seed {query.sample.seed or 'none'}")
    if query.on_empty != "missing":
        parts.append("not applicable without rows")
    return ", ".join(parts)
