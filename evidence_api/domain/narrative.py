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
class Group:
    """Some rows of one kind, with the ids of the evidence they rest on and the words for where they come from.

    One release's queries part the same few rows again and again, so both are made once (`group_of`).
    """

    rows: tuple[Row, ...] = ()
    ids: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Parted:
    """What became of one query's rows; `absent` and `lacking` as in QueryResult."""

    outcome: Outcome
    population: int
    tested: int
    matched: Group = Group()
    failed: Group = Group()
    unknown: Group = Group()
    stale: Group = Group()
    withheld: Group = Group()
    unverified: Group = Group()
    absent: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()


def group_of(rows: Iterable[Row]) -> Group:
    """Rows with their ids, each once, and their signers, times and digests in words."""
    found = tuple(rows)
    ids = tuple(dict.fromkeys(name for row in found for name in row.evidence))
    return Group(found, ids, _origin(found, ids)) if found else Group()


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


def query_sentence(query: Query, parted: Parted) -> str:
    """What one query found, beginning with its kind (and name)."""
    label = f"{query.kind} ({query.name})" if query.name else query.kind
    return f"{label}: {_found(query, parted)}"


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


def _found(query: Query, parted: Parted) -> str:
    condition = _condition(query)
    count = len(parted.matched.rows)
    match parted.outcome:
        case Outcome.PASS:
            return f"{count} of {_of(query, parted)} {_verb(count)} {condition} ({parted.matched.origin})"
        case Outcome.FAIL:
            failed = len(parted.failed.rows)
            refusal = "does not satisfy" if failed == 1 else "do not satisfy"
            return f"{failed} of {_of(query, parted)} {refusal} {condition}: {_values_seen(query, parted.failed.rows)}"
        case Outcome.STALE:
            old, limit = len(parted.stale.rows), query.fresh
            age = f"the limit is {write_duration(limit.max_age)} on the {limit.clock} clock" if limit else "no limit"
            return f"{old} of {_of(query, parted)} too old to count, {age} ({parted.stale.origin})"
        case Outcome.NOT_APPLICABLE:
            return f"no evidence of this kind{_about(query)}, which is in order: {query.on_empty_reason}"
        case _:
            return _missing(query, parted)


def _missing(query: Query, parted: Parted) -> str:
    """Which absence it was, in the order the rules look for them."""
    if parted.withheld.rows:
        many = len(parted.withheld.rows)
        erased = f"{many} of {parted.population} erased, so it cannot be tested"
        if query.population:  # what it was about went with its body
            erased = f"{many} erased, so it cannot be told whether there was more{_about(query)}"
        return f"{erased} ({_digests(parted.withheld.ids)})"
    if not parted.population:
        unverified = len(parted.unverified.rows)
        shown = f"; {unverified} unverified do not count" if unverified else ""
        return f"no verified evidence of this kind{_about(query)}{shown}"
    if parted.unknown.rows:
        absent = listed(parted.absent) or "what is asked"
        silent = "does not say" if len(parted.unknown.rows) == 1 else "do not say"
        total = parted.tested if query.population else _of(query, parted)
        return f"{len(parted.unknown.rows)} of {total} {silent} {absent} ({_digests(parted.unknown.ids)})"
    condition = _condition(query)
    if query.per is Per.SUBJECT:
        lacking = listed(map(short, parted.lacking)) or "the release, which names no artifact"
        return f"fewer than {query.at_least} satisfy {condition} for {lacking}"
    old = f", {len(parted.stale.rows)} too old to count" if parted.stale.rows else ""
    matched = len(parted.matched.rows)
    return f"{matched or 'none'} {_verb(matched)} {condition}, {query.at_least} needed{old}"


def _verb(count: int) -> str:
    return "satisfies" if count == 1 else "satisfy"


def _of(query: Query, parted: Parted) -> str:
    """`5`, or `5 sampled of 40`, or `5 with area == residency`."""
    sampled = parted.tested < parted.population
    return f"{parted.tested} sampled of {parted.population}" if sampled else f"{parted.tested}{_about(query)}"


def _condition(query: Query) -> str:
    return _shortened(query.source)


def _about(query: Query) -> str:
    """Which rows of the kind the query is about, where not all of them."""
    return f" with {_shortened(query.population_source)}" if query.population else ""


def _shortened(source: str) -> str:
    text = " ".join(source.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _values_seen(query: Query, rows: Sequence[Row]) -> str:
    """The values of the facts compared, row by row: `required is fail in sha256:…`."""
    shown = [f"{_facts(query, row)} in {_some(row.evidence)}" for row in rows[:_LISTED]]
    return ", ".join(shown) + (f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else "")


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


def _origin(rows: Sequence[Row], ids: Sequence[str]) -> str:
    """Signers, times and digests of the rows used."""
    signers = listed(sorted({row.signer for row in rows if row.signer}))
    parts = (f"signed by {signers}" if signers else "", _times(rows), _digests(ids))
    return "; ".join(part for part in parts if part)


def _digests(ids: Sequence[str]) -> str:
    return f"evidence {_some(ids)}" if ids else "no evidence"


def _some(ids: Sequence[str]) -> str:
    """The first few digests, shortened."""
    head = ", ".join(map(short, ids[:_LISTED]))
    return f"{head} and {len(ids) - _LISTED} more" if len(ids) > _LISTED else head


def _times(rows: Sequence[Row]) -> str:
    """When the rows are about; where none says so, when they were received."""
    about = [row.effective for row in rows if row.effective]
    word, times = ("of", about) if about else ("received", [row.received for row in rows])
    if not times:
        return ""
    first, last = moment(min(times)), moment(max(times))
    return f"{word} {first}" if first == last else f"{word} {first} to {last}"


def _values(results: Sequence[QueryResult], parts: Sequence[Parted]) -> dict[str, str]:
    """What the placeholders of `passed_because` stand for."""
    rows = [row for parted in parts for row in parted.matched.rows]
    ids = tuple(dict.fromkeys(name for parted in parts for name in parted.matched.ids))
    times = sorted(row.effective or row.received for row in rows)
    return {
        "n": str(len(rows)),
        "population": str(sum(result.population for result in results)),
        "tested": str(sum(result.tested for result in results)),
        "kinds": listed(result.kind for result in results),
        "signers": listed(sorted({row.signer for row in rows if row.signer})),
        "digests": _some(ids),
        "since": moment(times[0]) if times else "",
        "until": moment(times[-1]) if times else "",
    }
