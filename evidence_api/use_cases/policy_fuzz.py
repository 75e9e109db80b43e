"""Policy fuzzing: hunts for inputs that an area allows though its invariants forbid them, and for odd answers.

The way of a hunt: inputs are made from the area's schema (formats/policy_inputs.py) → asked many at a time, under the
operator's data and under each of the settings the invariants list → what was answered in a way not seen before is
kept and changed further → what is found is made as small as it gets (formats/policy_shrinking.py).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from evidence_api.domain.decision import UNDEFINED, Decision
from evidence_api.domain.errors import EngineTimeout, PolicyFailed
from evidence_api.engines.rego import RegoPool
from evidence_api.formats.policy_inputs import InputMaker
from evidence_api.formats.policy_shrinking import smaller
from evidence_api.formats.policy_words import vocabulary
from evidence_api.use_cases.policy_areas import INVARIANTS, PACKAGE, PolicyArea

_BATCH = 100
_TIMEOUT = 10.0
_KEPT = 12  # inputs of each way to be answered
_SHRINKING = 4000  # evaluations for one finding
_CANDIDATES = 400

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How far to hunt: `cases` inputs, made from `seed`, or until there are `enough` findings."""

    cases: int
    seed: int
    enough: int = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One input that should not be answered so. `kind` is bypass (allowed, and forbidden by an invariant), undefined,
    odd (a decision of another shape, a denial without reason or with a foreign rule id) or failed (the policy's error).
    `settings` is the data of the area it happened with; None: the operator's own."""

    area: str
    kind: str
    reasons: tuple[str, ...]
    input: Mapping[str, Any]
    settings: object


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of one area: inputs asked, how many were allowed, the rules that fired, and the findings, shrunk."""

    area: str
    asked: int
    allowed: int
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]


class Pool:
    """Inputs asked before, a few of each kind: of those allowed of each form, of others of each set of rules."""

    def __init__(self, maker: InputMaker) -> None:
        self._maker = maker
        self._allowed: dict[tuple[object, ...], list[Mapping[str, Any]]] = {}
        self._denied: dict[int, dict[tuple[str, ...], list[Mapping[str, Any]]]] = {}

    @property
    def rules(self) -> tuple[str, ...]:
        """Every rule that denied something."""
        return tuple(sorted({rule for kept in self._denied.values() for rules in kept for rule in rules}))

    def keep(self, asked: Mapping[str, Any], answer: Decision) -> None:
        """Keep an input, in the place of an older one that was answered the same way."""
        if answer.allow:
            kept = self._allowed.setdefault(self._maker.form(asked), [])
        else:
            kept = self._denied.setdefault(len(answer.reasons), {}).setdefault(answer.rules, [])
        kept.insert(0, asked)
        del kept[_KEPT:]

    def next(self) -> dict[str, Any]:
        """A new input, or one asked before, changed: mostly one that was allowed, or denied for little."""
        pick = self._maker.pick
        if self._allowed and pick((True, False)):
            return self._maker.change(pick(self._allowed[pick(list(self._allowed))]))
        if self._denied and pick((True, True, False)):
            near = self._denied[pick(sorted(self._denied)[: pick((1, 1, 1, 2, 3, len(self._denied)))])]
            return self._maker.change(pick(near[pick(list(near))]))
        return self._maker.make()


class Asker:
    """Asks one area about many inputs at once, all under one set of data."""

    def __init__(self, rego: RegoPool, area: PolicyArea, settings: object = None) -> None:
        self._rego = rego
        self._area = area
        self.settings = settings
        given = "" if settings is None else f" with data.{area.name} as settings"
        decision = f"[d | d := {PACKAGE}.{area.name}.decision with input as one{given}]"
        forbidden = f"f := {INVARIANTS}.{area.name}.forbidden with input as one{given}" if area.stated else "f := []"
        self._query = (
            '[{"decision": said, "forbidden": held} | settings := input.settings; some one in input.cases; '
            f"said := {decision}; held := [f | some d in said; d.allow == true; {forbidden}]]"
        )

    async def ask(self, inputs: Sequence[Mapping[str, Any]]) -> list[Finding | Decision]:
        """What each was answered. A batch that fails is halved until the inputs that it fails of are alone."""
        if not inputs:
            return []
        asked = orjson.dumps({"cases": inputs, "settings": self.settings})
        try:
            answer = await self._rego.evaluate(self._area.bundle, self._query, asked, timeout=_TIMEOUT)
        except (PolicyFailed, EngineTimeout) as fault:
            if len(inputs) == 1:
                return [self._finding("failed", (fault.message.strip().rpartition("error: ")[2],), inputs[0])]
            half = len(inputs) // 2
            return [*await self.ask(inputs[:half]), *await self.ask(inputs[half:])]
        return [self._judged(one, got) for one, got in zip(inputs, orjson.loads(answer or b"[]"), strict=True)]

    def _judged(self, asked: Mapping[str, Any], got: Mapping[str, Any]) -> Finding | Decision:
        area = self._area.name
        answer = got["decision"]
        if not answer:
            return self._finding("undefined", (f"policy area {area} gave no answer",), asked)
        decision = Decision.of(area, orjson.dumps(asked), self._area.bundle.digest, answer[0])
        foreign = not decision.allow and not all(rule.startswith(f"{area}.") for rule in decision.rules)
        if decision.rules == (UNDEFINED,) or foreign or not (decision.allow or (decision.rules and decision.reasons)):
            return self._finding("odd", (orjson.dumps(answer[0]).decode(),), asked)
        forbidden = [reason for reasons in got["forbidden"] for reason in reasons]
        if decision.allow and forbidden:
            return self._finding("bypass", tuple(sorted(forbidden)), asked)
        return decision

    def _finding(self, kind: str, reasons: tuple[str, ...], asked: Mapping[str, Any]) -> Finding:
        return Finding(self._area.name, kind, reasons, asked, self.settings)


async def fuzz(rego: RegoPool, area: PolicyArea, plan: Plan, told: Told = lambda _more: None) -> Hunt:
    """Hunt in one area; `told` hears how many more were asked. The same folder and plan find the same.

    Raises InvalidSource, Undecided.
    """
    askers = [Asker(rego, area, settings) async for settings in _all_settings(rego, area)]
    known = vocabulary(area.sources, [area.settings, *(asker.settings for asker in askers)])
    maker = InputMaker(area.schema, known, f"{plan.seed}/{area.name}")
    pool = Pool(maker)
    found: list[tuple[Asker, Finding]] = []
    asked = allowed = turn = 0
    while asked < plan.cases and len(found) < plan.enough:
        asker = askers[turn % len(askers)]
        inputs = [pool.next() for _ in range(min(_BATCH, plan.cases - asked))]
        for one, got in zip(inputs, await asker.ask(inputs), strict=True):
            if isinstance(got, Finding):
                found += [(asker, got)] * (not any(_alike(got, other) for _, other in found))
                continue
            allowed += got.allow
            pool.keep(one, got)
        asked, turn = asked + len(inputs), turn + 1
        told(len(inputs))
    told(plan.cases - asked)
    findings = [await _shrunk(asker, finding) for asker, finding in found[: plan.enough]]
    return Hunt(area.name, asked, allowed, pool.rules, tuple(findings))


async def _all_settings(rego: RegoPool, area: PolicyArea) -> AsyncIterator[object]:
    """The operator's data (None), then each of the settings that the area's invariants list."""
    yield None
    listed = await rego.evaluate(area.bundle, f"{INVARIANTS}.{area.name}.settings", b"", timeout=_TIMEOUT)
    for settings in orjson.loads(listed or b"[]"):
        yield settings


def _alike(one: Finding, other: Finding) -> bool:
    return one.kind == other.kind and bool(set(one.reasons) & set(other.reasons))


async def _shrunk(asker: Asker, finding: Finding) -> Finding:
    """The finding with as small an input as still shows it, found the same way whenever it is looked for."""
    left = _SHRINKING
    while left > 0:
        candidates = [made for made, _ in zip(smaller(dict(finding.input)), range(_CANDIDATES), strict=False)]
        left -= len(candidates) or left
        for at in range(0, len(candidates), _BATCH):
            answers = await asker.ask(candidates[at : at + _BATCH])
            better = next((got for got in answers if isinstance(got, Finding) and _alike(got, finding)), None)
            if better is not None:
                finding = better
                break
        else:
            return finding
    return finding
