"""A release's verdicts for people: a line for each, then a card for each of the worst. Readable at 100 columns.

What people copy (evidence ids, commands) stands on a line of its own and is never broken.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from evidence_api.cli import output
from evidence_api.cli.decision_lines import decision_lines
from evidence_api.domain.verdict import WORST_FIRST, Outcome

Json = Mapping[str, Any]

_CULPRITS = ("failed", "unknown", "stale", "withheld")  # rows that stand in the way
_SHOWN = 5  # pieces of evidence on a card
_RANK = {outcome.name: place for place, outcome in enumerate(WORST_FIRST)}
_SEVERITIES = ("critical", "high", "medium", "low", "")
_LAST = 99
_STYLE = {"FAIL": "red", "ERROR": "red", "PASS": "green", "WAIVED": "magenta"}
_FETCH = (
    ("evidence-api evidence get -o FILE ID", "the bytes exactly as received"),
    ("evidence-api evidence get --payload ID", "the signed document inside"),
    ("evidence-api evidence show ID", "what is read from it, and how it was checked"),
    ("evidence-api artifact get -o FILE DIGEST", "a file it is about, if it was uploaded"),
)
_TITLE = 44  # characters of a title in a list
_ROWS = (
    ("matched", "satisfy what is wanted"),
    ("failed", "contradict it"),
    ("unknown", "do not say enough"),
    ("stale", "would do, but are too old"),
    ("withheld", "were erased"),
    ("unverified", "are not verified, and never count"),
)


def rank(finding: Json) -> tuple[int, int, int, str]:
    """Where a finding stands in a list that begins with the worst."""
    control = finding["control"] or {}
    severity, tier = str(control.get("severity") or ""), control.get("tier")
    return (
        _RANK.get(finding["outcome"], _LAST),
        _SEVERITIES.index(severity) if severity in _SEVERITIES else _LAST,
        tier or _LAST,
        finding["controlRef"],
    )


def show_list(found: Sequence[Json]) -> None:
    """One line a release, newest first; a column for each outcome that there is."""
    if not found:
        output.say("no releases")
        return
    counted = [_counts(one["assessment"]) if one["assessment"] else {} for one in found]
    columns = [outcome.name for outcome in Outcome if any(counts.get(outcome.name) for counts in counted)]
    output.print_table(
        ("release", "assessed", *map(_word, columns)),
        [
            (
                _name(one),
                f"{one['assessment']['evaluatedAt'][:16].replace('T', ' ')}Z" if one["assessment"] else "not yet",
                *(counts.get(name) or "" for name in columns),
            )
            for one, counts in zip(found, counted, strict=True)
        ],
    )


def show_release(found: Json, findings: Sequence[Json], cards: int) -> None:
    """The head, a line for each finding, a card for each of the first `cards`, and how to go on."""
    assessment = found["assessment"]
    counts = {_word(name): count for name, count in _counts(assessment).items() if count}
    output.print_fields(
        [
            ("assessed", f"{moment(assessment['evaluatedAt'])}, at tree size {assessment['treeSize']}"),
            ("controls", f"{sum(counts.values())}: " + ", ".join(f"{count} {name}" for name, count in counts.items())),
            ("stated by", found["evidenceId"]),
            ("artifacts", "\n".join(found["digests"][:5]) + _more(len(found["digests"]) - 5)),
            ("notes", "\n".join(assessment["notes"])),
        ],
        title=_name(found),
    )
    output.say("")
    if not findings:
        output.say("no control with such an outcome")
        return
    output.print_table(("outcome", "control", "severity", "owner", "title"), [_row(one) for one in findings])
    for one in findings[:cards]:
        output.say("")
        output.print_fields(_card(one), title=_title(one), style=_STYLE.get(one["outcome"], "yellow"))
    if len(findings) > cards > 0:
        output.say(f"\n{len(findings) - cards} more are listed above; --cards {len(findings)} tells them all in full.")
    output.say("\nOne verdict whole, with each row it rests on:")
    output.say_unbroken(f"  evidence-api release explain {_name(found)} {findings[0]['controlRef']}")


def _row(finding: Json) -> tuple[str, ...]:
    control = finding["control"] or {}
    title = str(control.get("title") or "")
    return (
        *(_word(finding["outcome"]), finding["controlRef"], control.get("severity") or "", control.get("owner") or ""),
        title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…",
    )


def _card(finding: Json) -> Iterator[tuple[str, object]]:
    control = finding["control"] or {}
    yield "severity", severity_of(control)
    yield "owner", control.get("owner") or "nobody is named in the catalog"
    yield "because", finding["because"]
    yield "to fix it", finding["fix"]
    yield "waiver", waiver_of(finding)
    yield "criteria", "; ".join(one["shown"] for one in control.get("criteria", ())) or "none is mapped to it"
    shown = culprits_first(finding)
    cut = len(shown) > _SHOWN or finding["evidence"]["pageInfo"]["hasNextPage"]
    lines = [f"{one['kind']}, {signed(one)}\n{one['evidenceId']}" for one in shown[:_SHOWN]]
    yield "evidence", "\n".join(lines) + ("\nand more" if cut else "") or "there is none"


def culprits_first(finding: Json) -> list[Json]:
    """The evidence a verdict rests on: first what contradicts it, then what does not say enough."""
    place = _places(finding)
    nodes = [edge["node"] for edge in finding["evidence"]["edges"]]
    return sorted(nodes, key=lambda one: place.get(one["evidenceId"], _LAST))


def _places(finding: Json) -> dict[str, int]:
    """Evidence id -> how much it stands in the way, 0 most; what does not is absent."""
    places: dict[str, int] = {}
    for place, name in enumerate(_CULPRITS):
        for query in finding["queries"]:
            for one in query[name]:
                places.setdefault(one, place)
    return places


def show_finding(found: Json, finding: Json) -> None:
    """One verdict whole."""
    style = _STYLE.get(finding["outcome"], "yellow")
    output.print_fields(_head(found, finding), title=_title(finding), style=style)
    evidence, against = culprits_first(finding), _places(finding)
    numbers = {one["evidenceId"]: f"[{number}]" for number, one in enumerate(evidence, 1)}
    about = chain((one["population"] for one in (finding["control"] or {}).get("queries", ())), repeat(""))
    for number, (query, rows) in enumerate(zip(finding["queries"], about, strict=False), 1):
        output.say("")
        name = f" {query['name']}" if query["name"] else ""
        output.print_fields(_query(query, rows, numbers), title=f"query {number}{name} -> {_word(query['outcome'])}")
    for one in evidence:
        if one["evidenceId"] in against:
            output.say("")
            output.print_fields(_evidence(one), title=f"evidence {numbers[one['evidenceId']]} {one['kind']}")
    others = [one for one in evidence if one["evidenceId"] not in against]
    waiving = [one for one in others if one["evidenceId"] == finding["waiver"]]
    satisfying = [one for one in others if one not in waiving]
    _listed(satisfying, numbers, "evidence that satisfies it" if against else "evidence")
    _listed(waiving, numbers, "evidence that waives it")
    if finding["evidence"]["pageInfo"]["hasNextPage"]:
        output.say("\nthere is more evidence; GraphQL has all of it")
    if evidence:
        output.say("")
        output.print_fields(_FETCH, title="how to fetch")


def _listed(evidence: Sequence[Json], numbers: Mapping[str, str], title: str) -> None:
    if evidence:
        output.say("")
        output.print_fields(
            [(numbers[one["evidenceId"]], "\n".join(_line(one))) for one in evidence],
            title=title,
        )


def _line(one: Json) -> Iterator[str]:
    yield f"{one['kind']}, {signed(one)}"
    yield one["evidenceId"]
    if one["decision"]:
        yield one["decision"]["reperformance"]["sentence"]


def _head(found: Json, finding: Json) -> Iterator[tuple[str, object]]:
    control = finding["control"] or {}
    yield "release", f"{_name(found)}, assessed {moment(found['assessment']['evaluatedAt'])}"
    yield "asks", control.get("statement")
    yield "severity", severity_of(control)
    yield "owner", control.get("owner") or "nobody is named in the catalog"
    yield "tested by", ", ".join((*control.get("method", ()), *filter(None, (control.get("frequency"),))))
    yield "because", finding["because"]
    yield "to fix it", finding["fix"]
    yield "waiver", waiver_of(finding)
    yield "code", finding["code"]
    yield "criteria", "\n".join(f"{one['shown']}  {one['title']}" for one in control.get("criteria", ()))
    for name, value in finding["facts"].items():
        yield f"fact {name}", ", ".join(map(str, value)) if isinstance(value, list) else value


def _query(query: Json, about: str, numbers: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    yield "looks at", f"evidence of kind {query['kind']}{f' with {about}' if about else ''}"
    yield "wants", query["where"] or "nothing more"
    yield "rows", f"{query['population']}, {query['tested']} of them looked at"
    for name, meaning in _ROWS:
        rows = [numbers.get(one, one) for one in query[name]]
        if rows:
            short = " ".join(one for one in rows if one.startswith("["))
            long = "\n".join(one for one in rows if not one.startswith("["))
            yield name, "\n".join(filter(None, (f"{meaning}: {short}", long)))
    yield "not said", ", ".join(query["absent"])
    yield "lacking", "\n".join(query["lacking"])
    yield "so", query["because"]


def _evidence(one: Json) -> Iterator[tuple[str, object]]:
    yield "id", one["evidenceId"]
    yield "signer", signed(one).removeprefix("signed by ")
    yield (
        "of",
        f"{moment(one['effective'])}, received {moment(one['received'])}"
        if one["effective"]
        else (f"no time said, received {moment(one['received'])}"),
    )
    yield "about", "\n".join(subject_lines(one["subjects"]))
    if one["decision"]:
        yield from decision_lines(one["decision"])
    if one["erased"]:
        yield "bytes", "erased; digests and proofs stay"
    else:
        yield "bytes", f"{one['body']['size']:,}, {one['body']['mediaType']}"


def subject_lines(subjects: Sequence[Json]) -> Iterator[str]:
    """Name and digests of each subject."""
    for subject in subjects:
        if subject["name"] and not any(subject["name"] in digest for digest in subject["digests"]):
            yield str(subject["name"])
        yield from subject["digests"]


def signed(one: Json) -> str:
    """Who signed a piece of evidence; where the checks did not hold, what became of them."""
    signer = one["verification"]["signer"]
    return f"signed by {signer['label']}" if signer else f"{_word(one['status'])}: it counts for nothing"


def severity_of(control: Json) -> str:
    """Severity and tier, as far as the catalog says."""
    tier = control.get("tier")
    return ", ".join(filter(None, (str(control.get("severity") or ""), f"tier {tier}" if tier else "")))


def waiver_of(finding: Json) -> str:
    """The waiver applied: who, until when, and what the outcome would be without it."""
    if not finding["waiver"]:
        return ""
    without = f"{finding['waiver']}; without it {_word(finding['raw'])}"
    by = finding["waivedBy"]
    if by is None:
        return without
    asked = f", asked for by {by['requester']}" if by["requester"] else ""
    return (
        f"{without}\napproved by {by['approver']}{asked}, owned by {by['owner']}\n"
        f"until {moment(by['until'])}, {by['daysLeft']} days left when assessed: {by['reason']}"
    )


def moment(text: str) -> str:
    """A time to the second."""
    return text[:19] + "Z" if len(text) > len("2026-01-31T12:00:00Z") else text


def _title(finding: Json) -> str:
    title = (finding["control"] or {}).get("title") or ""
    return f"{_word(finding['outcome']).upper()}  {finding['controlRef']}  {title}".rstrip()


def _name(found: Json) -> str:
    return f"{found['name']}@{found['version']}" if found["version"] else str(found["name"])


def _word(name: str) -> str:
    return Outcome[name].value.replace("_", " ") if name in Outcome.__members__ else name.lower()


def _counts(assessment: Json) -> dict[str, int]:
    """Outcome -> controls, the worst first."""
    counts = {one["outcome"]: one["count"] for one in assessment["counts"]}
    return {name: counts[name] for name in sorted(counts, key=lambda name: _RANK.get(name, _LAST))}


def _more(count: int) -> str:
    return f"\nand {count} more" if count > 0 else ""
