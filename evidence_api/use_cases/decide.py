"""Decide: every gate of the server asks here, and gets an answer that can be had again from its digests.

A policy is a pure function of its input, so an answer is kept for as long as it is asked for, and callers
with the same question at the same time wait for one evaluation. Every decision that lets something through or turns it
away is counted for the tenant it was made for; who keeps decisions of their own counts each use of them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import orjson

from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.rego import PolicyBundle, RegoPool

_KEPT = 8192
_KEPT_BYTES = 32 * 2**20  # of their questions together, so that no number of large ones fills the memory

Question: TypeAlias = tuple[str, bytes]


class Gate:
    """One policy bundle's areas; each is the rule `decision` of the package evidence.policy.<area>."""

    def __init__(
        self,
        rego: RegoPool,
        bundle: PolicyBundle,
        hits: Callable[[TenantScope, Decision], None] | None = None,
        *,
        lane: str = "",
    ) -> None:
        """`hits` counts. A `lane` keeps evaluations apart from others of the same policies: the engine holds back what
        was slow by its bundle's name, and a slow question of somebody must not hold back who is let in."""
        self._rego = rego
        self._bundle = bundle
        self._asked_of = replace(bundle, digest=digest_of(f"{lane} {bundle.digest}".encode())) if lane else bundle
        self._hits = hits
        self._kept: OrderedDict[Question, Decision] = OrderedDict()
        self._kept_bytes = 0
        self._asked: dict[Question, asyncio.Task[Decision]] = {}

    @property
    def policy_digest(self) -> str:
        """The policy bundle's digest, sha256:<hex>."""
        return self._bundle.digest

    def count(self, scope: TenantScope, decision: Decision) -> None:
        """The decision was made use of for this tenant."""
        if self._hits is not None:
            self._hits(scope, decision)

    async def decide(
        self,
        area: str,
        input: Mapping[str, Any],  # noqa: A002  Rego's own word
        *,
        scope: TenantScope | None = None,
    ) -> Decision:
        """Ask one area. No answer, or one of the wrong shape, is a denial with the rule "undefined".

        With a tenant it is counted for that tenant; probes, and questions whose answer becomes evidence, come without.
        Raises Undecided (the policy failed, ran too long, or no worker was free: nothing is kept, and
        nothing may be let through) and Malformed (an input without a canonical JSON form).
        """
        decision = await self._decide((area, canonical(input)))
        if scope is not None:
            self.count(scope, decision)
        return decision

    async def _decide(self, question: Question) -> Decision:
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
        answer = await self._rego.evaluate(self._asked_of, f"data.evidence.policy.{area}.decision", asked)
        decision = Decision.of(area, asked, self._bundle.digest, None if answer is None else orjson.loads(answer))
        self._kept[question] = decision  # it was not kept: those who ask at once wait for one evaluation
        self._kept_bytes += len(asked)
        while len(self._kept) > _KEPT or self._kept_bytes > _KEPT_BYTES:
            (_, oldest), _ = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest)
        return decision
