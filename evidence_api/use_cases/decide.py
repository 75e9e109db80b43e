"""Decide: every gate of the server asks here, and gets an answer that can be had again from its digests.

A policy is a pure function of its input, so an answer is kept for as long as it is asked for, and callers
with the same question at the same time wait for one evaluation.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import canonical
from evidence_api.engines.rego import PolicyBundle, RegoPool

_KEPT = 8192

Question: TypeAlias = tuple[str, bytes]


class Gate:
    """One policy bundle's areas; each is the rule `decision` of the package evidence.policy.<area>."""

    def __init__(self, rego: RegoPool, bundle: PolicyBundle) -> None:
        self._rego = rego
        self._bundle = bundle
        self._kept: OrderedDict[Question, Decision] = OrderedDict()
        self._asked: dict[Question, asyncio.Task[Decision]] = {}

    @property
    def policy_digest(self) -> str:
        """The policy bundle's digest, sha256:<hex>."""
        return self._bundle.digest

    async def decide(self, area: str, input: Mapping[str, Any]) -> Decision:  # noqa: A002  Rego's own word
        """Ask one area. No answer, or one of the wrong shape, is a denial with the rule "undefined".

        Raises Undecided (the policy failed, ran too long, or no worker was free: nothing is kept, and
        nothing may be let through) and Malformed (an input without a canonical JSON form).
        """
        question = (area, canonical(input))
        if (kept := self._kept.get(question)) is not None:
            self._kept.move_to_end(question)
            return kept
        task = self._asked.get(question)
        if task is None:
            task = self._asked[question] = asyncio.get_running_loop().create_task(self._ask(question))
            task.add_done_callback(lambda _: self._asked.pop(question))
        return await asyncio.shield(task)  # the others still wait when one caller leaves

    async def _ask(self, question: Question) -> Decision:
        area, asked = question
        answer = await self._rego.evaluate(self._bundle, f"data.evidence.policy.{area}.decision", asked)
        decision = Decision.of(area, asked, self._bundle.digest, None if answer is None else orjson.loads(answer))
        self._kept[question] = decision
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return decision
