"""Command line, several organisations: shows every one that was asked, and keeps where their logs stood."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from evidence_api.cli import output
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.federated import MemberAnswer, Standing
from evidence_api.engines.files import write_file

_CODES = {
    Standing.ANSWERED: output.OK,
    Standing.ABSENT: output.UNDECIDED,
    Standing.STALE: output.UNDECIDED,
    Standing.PARTIAL: output.USAGE,
    Standing.REFUSED: output.USAGE,
}


def exit_code(answers: Sequence[MemberAnswer]) -> int:
    """0 if all answered; 2 before 3: trying again helps those that were absent, not those that said no."""
    codes = {_CODES[one.standing] for one in answers}
    return output.USAGE if output.USAGE in codes else max(codes, default=output.OK)


def print_answers(answers: Sequence[MemberAnswer], *, as_json: bool) -> None:
    """All of them: as JSON, or a table and below it what each said."""
    complete = all(one.standing is Standing.ANSWERED for one in answers)
    if as_json:
        output.print_json({"complete": complete, "members": [_record(one) for one in answers]})
        return
    rows = [_row(one) for one in answers]
    output.print_table(("member", "standing", "tree size", "log stands since", "why"), rows)
    for one in answers:
        if one.data is not None:
            output.say(f"\n{one.member.name}:")
            output.print_json(one.data)
    if not complete:
        missing = [one.member.name for one in answers if one.standing is not Standing.ANSWERED]
        output.note(f"not complete: {', '.join(missing)} of {len(answers)}")


def remembered(file: Path | None) -> dict[str, tuple[int, str]]:
    """Where each log stood; nothing yet where there is no such file. Raises EvidenceError `unreadable_file`."""
    if file is None or not file.exists():
        return {}
    try:
        kept: Any = orjson.loads(file.read_bytes())
        return {str(name): (int(one["treeSize"]), str(one["root"])) for name, one in kept.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"{file} is not what --remember wrote", code="unreadable_file", path=str(file)) from fault


def keep_standing(file: Path | None, answers: Sequence[MemberAnswer]) -> None:
    """Keep where each log stands that was shown; those of members that showed none stay as they were."""
    if file is None:
        return
    kept = remembered(file) | {
        one.member.name: (one.checkpoint.tree_size, one.checkpoint.root.hex()) for one in answers if one.checkpoint
    }
    records = {name: {"treeSize": size, "root": root} for name, (size, root) in sorted(kept.items())}
    write_file(file, orjson.dumps(records, option=orjson.OPT_INDENT_2) + b"\n")


def _row(one: MemberAnswer) -> Sequence[object]:
    seen = one.checkpoint
    why = f"{one.code}: {one.reason}" if one.code else ""
    since = "" if seen is None else f"{seen.since:%Y-%m-%d %H:%M}"
    return one.member.name, one.standing.value, "" if seen is None else seen.tree_size, since, why


def _record(one: MemberAnswer) -> Mapping[str, Any]:
    seen = one.checkpoint
    checkpoint = seen and {
        "origin": seen.origin,
        "treeSize": seen.tree_size,
        "since": seen.since,
        "ageSeconds": None if one.age is None else round(one.age.total_seconds()),
        "note": seen.note,
        "signedByLogKey": seen.signed,
    }
    return {
        "member": one.member.name,
        "url": one.member.url,
        "tenant": one.member.tenant,
        "standing": one.standing.value,
        "code": one.code or None,
        "reason": one.reason or None,
        "signed": one.signed,
        "seconds": round(one.seconds, 3),
        "checkpoint": checkpoint,
        "data": one.data,
        "errors": list(one.errors),
    }
