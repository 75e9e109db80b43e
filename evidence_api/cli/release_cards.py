"""A release's verdicts for people: a line for each, then a card for each of the worst. Readable at 100 columns.

What people copy (evidence ids, commands) stands on a line of its own and is never broken.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evidence_api.cli import output
from evidence_api.domain.verdict import WORST_FIRST, Outcome

Json = Mapping[str, Any]

_COLUMNS = ("PASS", "FAIL", "ERROR", "MISSING", "STALE", "NEEDS_REVIEW", "WAIVED")
_RANK = {outcome.name: place for place, outcome in enumerate(WORST_FIRST)}
_SEVERITIES = ("critical", "high", "medium", "low", "")
_LAST = 99
_STYLE = {"FAIL": "red", "ERROR": "red", "PASS": "green", "WAIVED": "magenta"}
_TITLE = 44  # characters of a title in a list
_ROWS = (
    ("matched", "satisfy it"),
    ("failed", "contradict it"),
    ("unknown", "do not say"),
    ("stale", "are too old"),
    ("withheld", "have no body any more"),
    ("unverified", "are not verified and never count"),
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
    """One line a release, newest first."""
    if not found:
        output.say("no releases")
        return
    output.print_table(
        ("release", "assessed", *(_word(name) for name in _COLUMNS), "other"),
        [(_name(one), *_line(one["assessment"])) for one in found],
    )


def _line(assessment: Json | None) -> list[object]:
    if assessment is None:
        return ["not yet"]
    counts = _counts(assessment)
    other = sum(count for name, count in counts.items() if name not in _COLUMNS)
    shown = [counts.get(name, 0) or "" for name in _COLUMNS]
    return [moment(assessment["evaluatedAt"]), *shown, other or ""]


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
    output.say(
        f"\nOne verdict whole, with every row: evidence-api release explain {_name(found)} {findings[0]['controlRef']}"
    )


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
    shown = [edge["node"] for edge in finding["evidence"]["edges"]]
    more = "\nand more" if finding["evidence"]["pageInfo"]["hasNextPage"] else ""
    yield "evidence", "\n".join(f"{signed(one)}\n{one['evidenceId']}" for one in shown) + more or "there is none"


def show_finding(found: Json, finding: Json) -> None:
    """One verdict whole."""
    control = finding["control"] or {}
    output.print_fields(
        [
            ("release", f"{_name(found)}, assessed {moment(found['assessment']['evaluatedAt'])}"),
            ("asks", control.get("statement")),
            ("severity", severity_of(control)),
            ("owner", control.get("owner") or "nobody is named in the catalog"),
            ("tested by", ", ".join((*control.get("method", ()), *filter(None, (control.get("frequency"),))))),
            ("because", finding["because"]),
            ("to fix it", finding["fix"]),
            ("waiver", waiver_of(finding)),
            ("code", finding["code"]),
            ("criteria", "\n".join(f"{one['shown']}  {one['title']}" for one in control.get("criteria", ()))),
            *((f"fact {name}", value) for name, value in finding["facts"].items()),
        ],
        title=_title(finding),
        style=_STYLE.get(finding["outcome"], "yellow"),
    )
    evidence = [edge["node"] for edge in finding["evidence"]["edges"]]
    numbers = {one["evidenceId"]: f"[{number}]" for number, one in enumerate(evidence, 1)}
    for number, query in enumerate(finding["queries"], 1):
        output.say("")
        name = f" {query['name']}" if query["name"] else ""
        output.print_fields(_query(query, numbers), title=f"query {number}{name} -> {_word(query['outcome'])}")
    for one in evidence:
        output.say("")
        output.print_fields(_evidence(one), title=f"evidence {numbers[one['evidenceId']]} {one['kind']}")
    if finding["evidence"]["pageInfo"]["hasNextPage"]:
        output.say("\nthere is more evidence; GraphQL has all of it")


def _query(query: Json, numbers: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    yield "looks at", f"evidence of kind {query['kind']}"
    yield "wants", query["where"] or "nothing more"
    yield "rows", f"{query['population']}, {query['tested']} of them looked at"
    for name, meaning in _ROWS:
        rows = [numbers.get(one, one) for one in query[name]]
        if rows:
            short = " ".join(one for one in rows if one.startswith("["))
            long = "\n".join(one for one in rows if not one.startswith("["))
            yield name, f"{len(rows)} {meaning}: {short}" + (f"\n{long}" if long else "")
    yield "not said", ", ".join(query["absent"])
    yield "lacking", "\n".join(query["lacking"])
    yield "so", query["because"]


def _evidence(one: Json) -> Iterator[tuple[str, object]]:
    yield "id", one["evidenceId"]
    yield "signer", signed(one)
    yield (
        "of",
        f"{moment(one['effective'])}, received {moment(one['received'])}"
        if one["effective"]
        else (f"no time said, received {moment(one['received'])}"),
    )
    yield "about", "\n".join(subject_lines(one["subjects"]))
    if one["erased"]:
        yield "bytes", "erased; digests and proofs stay"
    else:
        yield "bytes", f"{one['body']['size']:,}, {one['body']['mediaType']}"
        yield "fetch it", f"evidence-api evidence get -o FILE \\\n  {one['evidenceId']}"


def subject_lines(subjects: Sequence[Json]) -> Iterator[str]:
    """Name and digests of each subject."""
    for subject in subjects:
        if subject["name"] and not any(subject["name"] in digest for digest in subject["digests"]):
            yield str(subject["name"])
        yield from subject["digests"]


def signed(one: Json) -> str:
    """Who signed a piece of evidence, and what became of the checks where they did not all hold."""
    signer = one["verification"]["signer"]
    status = _word(one["status"])
    kind = f"{one['kind']}, " if "kind" in one else ""
    return f"{kind}signed by {signer['label']}" if signer else f"{kind}{status}: it counts for nothing"


def severity_of(control: Json) -> str:
    """Severity and tier, as far as the catalog says."""
    tier = control.get("tier")
    return ", ".join(filter(None, (str(control.get("severity") or ""), f"tier {tier}" if tier else "")))


def waiver_of(finding: Json) -> str:
    """The waiver applied, and what the outcome would be."""
    return f"{finding['waiver']}; without it {_word(finding['raw'])}" if finding["waiver"] else ""


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
