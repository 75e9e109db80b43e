"""After the rules ran: the deterministic sentences that say why a control passed, or did not.

Built only from the rows a query used (counts, signers, digests, times, the values compared), so the same
rows give the same words. Nothing is generated, guessed or rounded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from evidence_api.domain.control import Combine, Control, Per, Query
from evidence_api.domain.evidence import Fact
from evidence_api.domain.facts import Row
from evidence_api.domain.verdict import Outcome, QueryResult
from evidence_api.domain.where import paths, write_duration

PLACEHOLDERS = ("n", "population", "tested", "kinds", "signers", "digests", "since", "until")

_LISTED = 3  # how many of a list are written out before "and N more"
_SHOWN = 160  # characters of a condition or value
_OPENING: Mapping[Outcome, str] = {
    Outcome.PASS: "Passed",
    Outcome.FAIL: "Failed",
    Outcome.MISSING: "Evidence is missing",
    Outcome.STALE: "Evidence is too old",
    Outcome.WAIVED: "Waived",
    Outcome.ERROR: "Could not be decided",
    Outcome.NOT_APPLICABLE: "Not applicable",
    Outcome.NEEDS_REVIEW: "A person must look at this",
    Outcome.NOT_RUN: "Not run",
}


@dataclass(frozen=True, slots=True)
class Parted:
    """One query's rows by what became of them."""

    matched: tuple[Row, ...] = ()
    failed: tuple[Row, ...] = ()
    unknown: tuple[Row, ...] = ()
    stale: tuple[Row, ...] = ()
    withheld: tuple[Row, ...] = ()
    unverified: tuple[Row, ...] = ()


def short(digest: str) -> str:
    """`sha256:` and the first twelve digits."""
    algorithm, _, rest = digest.rpartition(":")
    return f"{algorithm}:{rest[:12]}" if algorithm else rest[:19]


def listed(words: Iterable[str]) -> str:
    """`a, b, c and 2 more`, each once, in the order given."""
    unique = list(dict.fromkeys(words))
    head = ", ".join(unique[:_LISTED])
    return f"{head} and {len(unique) - _LISTED} more" if len(unique) > _LISTED else head


def moment(time: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def query_sentence(query: Query, result: QueryResult, parted: Parted) -> str:
    """What one query found, beginning with its kind (and name)."""
    label = f"{query.kind} ({query.name})" if query.name else query.kind
    return f"{label}: {_found(query, result, parted)}"


def control_sentence(
    control: Control, outcome: Outcome, results: Sequence[QueryResult], parts: Sequence[Parted]
) -> str:
    """Why the control has its raw outcome: the control's own words for a pass, then the deciding queries."""
    if control.state in {"draft", "retired"}:
        return f"Not run: the control is {'a draft' if control.state == 'draft' else 'retired'}."
    deciding = [result for result in results if _decides(control, outcome, result)]
    said = "; ".join(result.because for result in deciding)
    own = ""
    if outcome is Outcome.PASS and control.passed_because:
        own = control.passed_because.format_map(_values(results, parts)).rstrip(".") + ". "
    return f"{own}{_OPENING[outcome]}: {said}."


def _decides(control: Control, outcome: Outcome, result: QueryResult) -> bool:
    """Whether a query speaks: of `any`, those with the outcome reached; of `all`, every one that is not
    satisfied, or, where all are, every one."""
    if control.combine is Combine.ANY:
        return result.outcome is outcome
    satisfied = result.outcome in {Outcome.PASS, Outcome.NOT_APPLICABLE}
    return satisfied == (outcome in {Outcome.PASS, Outcome.NOT_APPLICABLE})


def _found(query: Query, result: QueryResult, parted: Parted) -> str:
    condition = _condition(query)
    count, tested = len(parted.matched), result.tested
    match result.outcome:
        case Outcome.PASS:
            return f"{count} of {_of(result)} {_verb(count)} {condition} ({_origin(parted.matched)})"
        case Outcome.FAIL:
            failed = len(parted.failed)
            refusal = "does not satisfy" if failed == 1 else "do not satisfy"
            return f"{failed} of {_of(result)} {refusal} {condition}: {_values_seen(query, parted.failed)}"
        case Outcome.STALE:
            age = f"{write_duration(query.fresh.max_age)} on the {query.fresh.clock} clock" if query.fresh else ""
            return f"{len(parted.stale)} of {tested} too old to count, the limit is {age} ({_origin(parted.stale)})"
        case Outcome.NOT_APPLICABLE:
            return f"no evidence of this kind, which is in order: {query.on_empty_reason}"
        case _:
            return _missing(query, result, parted)


def _missing(query: Query, result: QueryResult, parted: Parted) -> str:
    """Which absence it was, in the order the rules look for them."""
    if parted.withheld:
        erased = f"{len(parted.withheld)} of {result.population} erased, so it cannot be tested"
        return f"{erased} ({_digests(parted.withheld)})"
    if not result.population:
        shown = f"; {len(parted.unverified)} unverified do not count" if parted.unverified else ""
        return f"no verified evidence of this kind{shown}"
    if parted.unknown:
        absent = listed(result.absent) or "what is asked"
        silent = "does not say" if len(parted.unknown) == 1 else "do not say"
        return f"{len(parted.unknown)} of {_of(result)} {silent} {absent} ({_digests(parted.unknown)})"
    condition = _condition(query)
    if query.per is Per.SUBJECT:
        lacking = listed(map(short, result.lacking)) or "the release, which names no artifact"
        return f"fewer than {query.at_least} satisfy {condition} for {lacking}"
    old = f", {len(parted.stale)} too old to count" if parted.stale else ""
    matched = len(parted.matched)
    return f"{matched or 'none'} {_verb(matched)} {condition}, {query.at_least} needed{old}"


def _verb(count: int) -> str:
    return "satisfies" if count == 1 else "satisfy"


def _of(result: QueryResult) -> str:
    """`5`, or `5 sampled of 40`."""
    return (
        f"{result.tested} sampled of {result.population}" if result.tested < result.population else str(result.tested)
    )


def _condition(query: Query) -> str:
    text = " ".join(query.source.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _values_seen(query: Query, rows: Sequence[Row]) -> str:
    """The values of the facts compared, row by row: `required is fail in sha256:…`."""
    return listed(f"{_facts(query, row)} in {listed(map(short, row.evidence))}" for row in rows)


def _facts(query: Query, row: Row) -> str:
    return " and ".join(f"{path} is {_value(row, path)}" for path in paths(query.where)) or "the condition is false"


def _value(row: Row, path: str) -> str:
    common: Mapping[str, Fact] = {"signer": row.signer, "verified": row.verified, "predicate_type": row.predicate_type}
    value = row.facts.get(path, common.get(path))
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return "true" if value else "false"
    return listed(value) or "empty" if isinstance(value, tuple) else str(value)[:_SHOWN]


def _origin(rows: Sequence[Row]) -> str:
    """Signers, times and digests of the rows used."""
    signers = listed(sorted({row.signer for row in rows if row.signer}))
    parts = (f"signed by {signers}" if signers else "", _times(rows), _digests(rows))
    return "; ".join(part for part in parts if part)


def _digests(rows: Sequence[Row]) -> str:
    return f"evidence {listed(short(name) for row in rows for name in row.evidence)}"


def _times(rows: Sequence[Row]) -> str:
    """When the rows are about; where none says so, when they were received."""
    about = sorted(row.effective for row in rows if row.effective)
    word, times = ("of", about) if about else ("received", sorted(row.received for row in rows))
    if not times:
        return ""
    first, last = moment(times[0]), moment(times[-1])
    return f"{word} {first}" if first == last else f"{word} {first} to {last}"


def _values(results: Sequence[QueryResult], parts: Sequence[Parted]) -> dict[str, str]:
    """What the placeholders of `passed_because` stand for."""
    rows = [row for parted in parts for row in parted.matched]
    times = sorted(row.effective or row.received for row in rows)
    return {
        "n": str(len(rows)),
        "population": str(sum(result.population for result in results)),
        "tested": str(sum(result.tested for result in results)),
        "kinds": listed(result.kind for result in results),
        "signers": listed(sorted({row.signer for row in rows if row.signer})),
        "digests": listed(short(name) for row in rows for name in row.evidence),
        "since": moment(times[0]) if times else "",
        "until": moment(times[-1]) if times else "",
    }
