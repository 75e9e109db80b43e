"""OPA's own Rego cases through the pool: the same answer, a refusal that says why, or an error; never another answer.

A case counts as *refused* when the bundle does not load: a builtin that is banned, lacking here, or
syntax the engine does not have. *No answer* is an error where OPA has a value: the engine stops at a
builtin's error where OPA goes on without the value. Both fail closed. *Wrong* is a value OPA does not give.

The engine alone answers 726 of these 950 cases, some of them with builtins that are banned here (the clock,
the network); with what engines/rego_extensions.py adds, the pool must answer no smaller a share.
"""

import asyncio
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.domain.errors import EvidenceError, InvalidSource
from evidence_api.engines.rego import RegoPool, policy_bundle
from tests.support.conformance import cases, suite

pytestmark = pytest.mark.conformance

# The engine is known to find nothing under some rule heads of several parts: undefined, so it denies.
_DEEP_HEAD = re.compile(r"^\w+(?:\.\w+|\[[^\]\n]+\]){2,}", re.MULTILINE)
ENGINE_ALONE = 726 / 950
REFUSALS = {"banned_builtin", "lacking_builtin", "walk_never_binds"}


@dataclass(frozen=True)
class Ran:
    """One case and what became of it."""

    note: str
    area: str
    outcome: str
    detail: str


def read(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """(area, case) of every case of the suite."""
    files = {file for entry in cases("opa-rego-v1") for file in entry["files"]}
    return [
        (file.partition("/")[0], case)
        for file in sorted(files)
        for case in orjson.loads((folder / file).read_bytes())["cases"]
    ]


def question(case: dict[str, Any]) -> str:
    """All bindings of the case's query, as one expression: a comprehension over it."""
    wanted = case.get("want_result") or [{}]
    names = sorted({name for binding in wanted for name in binding})
    shape = ", ".join(f'"{name}": {name}' for name in names)
    given = f" with input as {case['input_term']}" if "input_term" in case else ""
    return f"[{{{shape}}} | {case['query'].strip()}{given}]"


def same(one: Any, other: Any) -> bool:  # noqa: ANN401  any JSON value
    """Equal as JSON: true is not 1, 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def ordered(binding: dict[str, Any]) -> dict[str, Any]:
    """Each variable's array, sorted."""
    return {
        name: sorted(value, key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
        if isinstance(value, list)
        else value
        for name, value in binding.items()
    }


def same_bindings(got: list[Any], wanted: list[Any], *, unordered: bool) -> bool:
    """The bindings are a set; `unordered` says that arrays in them are in no order either."""
    left = [ordered(binding) for binding in wanted] if unordered else list(wanted)
    for binding in map(ordered, got) if unordered else got:
        match = next((other for other in left if same(binding, other)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


async def run(rego: RegoPool, area: str, case: dict[str, Any]) -> Ran:
    """Load, ask, compare."""
    outcome, detail = "right", ""
    fails = "want_error_code" in case or "want_error" in case
    modules = {f"{n}.rego": text for n, text in enumerate(case.get("modules") or ["package none\n"])}
    try:
        bundle = policy_bundle(modules, orjson.dumps(case.get("data") or {}))
        asked = orjson.dumps(case["input"]) if "input" in case else b""
        value = await rego.evaluate(bundle, question(case), asked)
        got = orjson.loads(value or b"[]")
        if fails:
            outcome, detail = "wrong", f"gave {got!r:.100}, wanted {case.get('want_error', '')!r:.80}"
        elif not same_bindings(got, case["want_result"], unordered=bool(case.get("sort_bindings"))):
            known = not got and any(_DEEP_HEAD.search(text) for text in modules.values())
            outcome, detail = (
                "known fault" if known else "wrong",
                f"gave {got!r:.100}, wanted {case['want_result']!r:.100}",
            )
    except InvalidSource as refusal:
        codes = {fault.code for fault in refusal.faults}
        if not fails:  # where OPA gives an error, so does a refusal, only sooner
            reason = "builtin" if codes & REFUSALS else "syntax"
            outcome, detail = f"refused: {reason}", str(refusal.faults[0])
    except EvidenceError as fault:
        if not fails:
            outcome, detail = "no answer", f"{fault.code}: {fault.message.rpartition('error: ')[2]:.100}"
    return Ran(case["note"], area, outcome, detail)


def table(ran: list[Ran]) -> str:
    """A line for each area where not everything is right, and the sum."""
    outcomes = ("right", "refused: builtin", "refused: syntax", "no answer", "known fault", "wrong")
    areas: dict[str, Counter[str]] = {}
    for one in ran:
        areas.setdefault(one.area, Counter())[one.outcome] += 1
    whole = sum(counts.keys() == {"right"} for counts in areas.values())
    lines: list[tuple[str, ...]] = [("", *outcomes)]
    lines += [
        (area, *(str(counts[outcome] or "-") for outcome in outcomes))
        for area, counts in sorted(areas.items())
        if counts.keys() != {"right"}
    ]
    total = Counter(one.outcome for one in ran)
    lines.append((f"all {len(ran)} ({whole} areas wholly right)", *(str(total[outcome]) for outcome in outcomes)))
    return "\n".join(f"{line[0]:44}" + "".join(f"{cell:>18}" for cell in line[1:]) for line in lines)


async def test_no_answer_but_opas(capsys: pytest.CaptureFixture[str]) -> None:
    every = read(suite("opa-rego-v1"))
    async with RegoPool(workers=2, timeout=5.0) as rego:
        ran = await asyncio.gather(*(run(rego, area, case) for area, case in every))
    shown = [one for one in ran if one.outcome in {"wrong", "known fault", "no answer"}]
    lines = [f"  {one.outcome}: {one.note}: {' '.join(one.detail.split())}" for one in shown]
    with capsys.disabled():
        sys.stdout.write("\n".join(("", table(ran), *lines, "")))
    assert [one for one in ran if one.outcome == "wrong"] == []
    assert all(re.match(r"\S+:\d+:\d+: \w+: .", one.detail) for one in ran if one.outcome.startswith("refused"))
    assert all(one.detail.startswith("policy_failed") for one in ran if one.outcome == "no answer")
    assert sum(one.outcome == "right" for one in ran) >= ENGINE_ALONE * len(ran)
