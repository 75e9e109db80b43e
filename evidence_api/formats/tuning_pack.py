"""The weekly tuning pack: policy telemetry as Markdown for people and JSON for programs, the same bytes for the same
counts."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

from evidence_api.domain.policy_telemetry import Overriding, RuleUse, Silent, Telemetry
from evidence_api.domain.rfc3339 import format_rfc3339

_SHOWN = 200  # characters of a text that others wrote
_MOST_RULES = 100  # lines of a table; the JSON has them all
_ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|#~"})


def tuning_json(told: Telemetry) -> bytes:
    """The pack as JSON, indented, with sorted keys."""
    return orjson.dumps(telemetry_to_json(told), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def telemetry_to_json(told: Telemetry) -> dict[str, Any]:
    """The pack as a JSON value."""
    return {
        "tenant": told.tenant,
        "since": format_rfc3339(told.since),
        "until": format_rfc3339(told.until),
        "policy": told.policy,
        "lookAt": list(told.look_at),
        "areas": [_use(use) for use in told.areas],
        "rules": [_use(use) for use in told.rules],
        "noisy": [{**_use(use), "overrides": [_override(one) for one in use.overrides]} for use in told.noisy],
        "neverFired": [
            {"area": one.area, "rule": one.rule, "decisionsOfArea": one.decisions} for one in told.never_fired
        ],
        "reasons": [{"area": one.area, "reason": one.reason, "count": one.hits} for one in told.reasons],
    }


def _use(use: RuleUse) -> dict[str, Any]:
    shown: dict[str, Any] = {"area": use.area} if not use.rule else {"area": use.area, "rule": use.rule}
    return shown | {
        "allows": use.allows,
        "denies": use.denies,
        "share": use.share,
        "deniedBefore": use.denied_before,
        "change": use.change,
        "overridden": len(use.overrides),
    }


def _override(one: Overriding) -> dict[str, str]:
    return {
        "evidence": one.evidence,
        "received": format_rfc3339(one.at),
        "owner": one.owner,
        "approver": one.approver,
        "reason": one.reason,
        "until": one.until,
    }


def tuning_markdown(told: Telemetry) -> str:
    """The pack as Markdown: what to look at first, then the figures it comes from."""
    lines = [
        f"# Policy tuning: {_text(told.tenant)}",
        "",
        f"{_moment(told.since)} to {_moment(told.until)}, compared with as long a time before. Policy `{told.policy}`.",
        "",
        "## Look at first",
        "",
        *_numbered(told.look_at),
        "",
        "## Areas",
        "",
        *_table(("Area", "Allowed", "Denied", "Denied before", "Change"), map(_area_line, told.areas)),
        "",
        "## Rules",
        "",
        *_rules(told.rules),
        "",
        "## Noisy rules",
        "",
        "Denials that somebody with the right to do so overrode later.",
        "",
        *_noisy(told.noisy),
        "",
        "## Rules that never fired",
        "",
        *_silent(told.never_fired),
        "",
        "## What denials said most",
        "",
        *_table(("Count", "Area", "Reason"), ((one.hits, one.area, one.reason) for one in told.reasons)),
    ]
    return "\n".join(lines) + "\n"


def _numbered(sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return ["Nothing stands out."]
    return [f"{number}. {_text(sentence, 500)}." for number, sentence in enumerate(sentences, 1)]


def _area_line(use: RuleUse) -> tuple[object, ...]:
    return use.area, use.allows, use.denies, use.denied_before, f"{use.change:+d}"


def _rules(rules: Sequence[RuleUse]) -> list[str]:
    head = ("Rule", "Area", "Denied", "Allowed", "Share of the area", "Denied before", "Change")
    shown = (
        (use.rule, use.area, use.denies, use.allows, f"{use.share:.1%}", use.denied_before, f"{use.change:+d}")
        for use in rules[:_MOST_RULES]
    )
    lines = _table(head, shown)
    more = len(rules) - _MOST_RULES
    return [*lines, "", f"{more} more are in the JSON."] if more > 0 else lines


def _noisy(rules: Sequence[RuleUse]) -> list[str]:
    head = ("Rule", "Denied", "Override", "Received", "Owner", "Approver", "Until", "Reason")
    return _table(
        head,
        (
            (use.rule, use.denies, one.evidence, _moment(one.at), one.owner, one.approver, one.until, one.reason)
            for use in rules
            for one in use.overrides
        ),
    )


def _silent(rules: Sequence[Silent]) -> list[str]:
    return _table(("Rule", "Decisions of its area"), ((one.rule, one.decisions or "never asked") for one in rules))


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [" | ".join(_text(str(cell)) for cell in row) for row in rows]
    if not lines:
        return ["None."]
    return [f"| {line} |" for line in (" | ".join(head), " | ".join("---" for _ in head), *lines)]


def _text(words: str, most: int = _SHOWN) -> str:
    """Text of others on one line, without meaning to Markdown or HTML."""
    plain = " ".join("".join(mark if mark.isprintable() else " " for mark in words).split())
    return (plain if len(plain) <= most else plain[: most - 1] + "…").translate(_ESCAPED)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
