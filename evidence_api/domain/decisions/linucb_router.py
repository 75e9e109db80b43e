"""A router that learns by LinUCB and keeps to safety bounds: the producer of `router-decision`, method `linucb`.

Learning: A += x x', b += reward x, and the inverse of A follows by Sherman-Morrison, so that a pick and an update take
O(d^2) an arm. The inverse is taken anew now and then, before what rounding adds to it could show in a card.
Its state goes out and comes in as JSON; its cards agree with the reperformance of linucb.py.
Source: Li, Chu, Langford, Schapire, A Contextual-Bandit Approach (WWW 2010), algorithm 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from evidence_api.domain.decisions.arrays import Floats
from evidence_api.domain.decisions.decision_card import Choice, check_ids
from evidence_api.domain.decisions.linucb import Bounds, LinUCBState, bounds, choose_within, rationale, solved_bounds
from evidence_api.domain.decisions.shape import MAX_REAL
from evidence_api.domain.errors import Malformed
from evidence_api.domain.typed_json import read_typed

_ANEW = 512  # updates of an arm between inverses taken from A itself


class LinUCB:
    """Arms with prices, a context of `dimensions` features, and bounds no pick may cross unsaid.

    >>> router = LinUCB({"impl@small": 0.18, "impl@large": 0.70}, dimensions=2, max_usd=0.50, min_eval=0.6, alpha=0.4)
    >>> for _ in range(40):
    ...     router.update("impl@small", [1.0, 0.5], reward=0.94)
    ...     router.update("impl@large", [1.0, 0.5], reward=0.96)
    >>> router.pick([1.0, 0.5]).chosen
    'impl@small'
    >>> router.card("pr-512", [1.0, 0.5])["card"]["rationale"]
    'picked impl@small: expected eval 0.92 ± 0.06 at $0.18;
     impl@large promised more but at $0.70 is over the $0.50 cap'
    >>> LinUCB.from_state(router.state()).pick([-1.0, 0.0]).fallback_reason
    'no arm is within $0.50 and sure of an eval of 0.60, so the cheapest was taken'
    """

    def __init__(  # noqa: PLR0913  each is a setting of the published algorithm, or a bound
        self,
        prices: Mapping[str, float],
        *,
        dimensions: int,
        max_usd: float,
        min_eval: float,
        alpha: float = 1.0,
        ridge: float = 1.0,
        fallback: Literal["cheapest", "none"] = "cheapest",
    ) -> None:
        """`prices` are US dollars by arm id, in the order that decides ties; `ridge` is what A begins with. Raises
        Malformed (a bound of the kind, by its path in the inputs)."""
        arms = [
            {"id": one, "priceUSD": price, "A": (ridge * np.eye(dimensions)).tolist(), "b": [0.0] * dimensions}
            for one, price in prices.items()
        ]
        self.restore(
            {
                "alpha": alpha,
                "arms": arms,
                "safety": {"maxUSD": max_usd, "minEval": min_eval},
                "fallback": fallback,
            }
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "LinUCB":
        """The router whose `state()` this is. Raises Malformed with a dotted path."""
        router = cls.__new__(cls)
        router.restore(state)
        return router

    def state(self) -> dict[str, Any]:
        """All it has learned, as JSON: what `inputs` of a card has, but for the context."""
        arms = [
            {"id": one, "priceUSD": float(price), "A": gram.tolist(), "b": response.tolist()}
            for one, price, gram, response in zip(self._ids, self._prices, self._gram, self._response, strict=True)
        ]
        safety = {"maxUSD": self._safety.max_usd, "minEval": self._safety.min_eval}
        return {"alpha": self._alpha, "arms": arms, "safety": safety, "fallback": self._fallback}

    def pick(self, x: Sequence[float]) -> Choice:
        """The arm for a task with these features. Raises Malformed for features of another number or size."""
        return self._decide(self._context(x))[0]

    def card(self, task_id: str, x: Sequence[float]) -> dict[str, Any]:
        """The pick as the predicate's own fields, ready to be signed with `producer` and `decidedAt`.

        Solved from A itself, as whoever checks it does: of features that are nearly dependent the kept inverse would
        give other digits. Raises as `pick`, and Malformed `out_of_domain` where A is singular but for rounding."""
        context = self._context(x)
        found = solved_bounds(self._gram, self._response, context, self._alpha)
        choice = choose_within(self._ids, self._prices, found, self._safety, self._fallback)
        text = rationale(choice, self._prices, found, self._safety)
        inputs = {"x": context.tolist(), **self.state()}
        return {"method": "linucb", "card": choice.card(task_id, text), "inputs": inputs}

    def update(self, arm: str, x: Sequence[float], reward: float) -> None:
        """Learn what came of an arm. Raises Malformed for an unknown arm, a reward that is no finite number, or an
        observation too large to be added up; then nothing is learned."""
        if arm not in self._places:
            raise Malformed(f"no arm is called {arm[:80]!r}", path="arm", value=arm[:80])
        if not np.isfinite(reward):
            raise Malformed("a reward is a finite number", path="reward", value=str(reward))
        context, at = self._context(x), self._places[arm]
        with np.errstate(over="ignore"):  # what comes out infinite is refused
            gram = self._gram[at] + np.outer(context, context)
            response = self._response[at] + reward * context
        if not max(np.abs(gram).max(), np.abs(response).max()) <= MAX_REAL:
            raise Malformed("features and rewards add up to more than a card may hold", path="x", limit=MAX_REAL)
        self._gram[at], self._response[at] = gram, response
        self._updates[at] += 1
        if self._updates[at] % _ANEW == 0:
            self._inverse[at] = np.linalg.inv(self._gram[at])
            return
        shifted = self._inverse[at] @ context
        self._inverse[at] -= np.outer(shifted, shifted) / (1.0 + context @ shifted)

    def _decide(self, context: Floats) -> tuple[Choice, Bounds]:
        shifted = self._inverse @ context  # k x d
        mean = (shifted * self._response).sum(axis=1)
        variance = np.maximum((shifted * context).sum(axis=1), 0.0)  # rounding may take what is 0 below it
        found = Bounds(mean, self._alpha * np.sqrt(variance))
        return choose_within(self._ids, self._prices, found, self._safety, self._fallback), found

    def _context(self, x: Sequence[float]) -> Floats:
        needed = f"x: {self._gram.shape[2]} finite numbers are needed"
        try:
            context = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError) as fault:
            raise Malformed(needed, path="x") from fault
        if context.shape != self._gram.shape[2:] or not (np.abs(context) <= MAX_REAL).all():
            raise Malformed(needed, path="x", limit=MAX_REAL)
        return context

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state()`. It is read as the inputs of a card are: a router holds nothing a card may not."""
        read = read_typed(LinUCBState, state)
        bounds(read, np.zeros(len(read.arms[0].response)))
        self._ids = tuple(arm.id for arm in read.arms)
        check_ids(self._ids)
        self._places = {one: index for index, one in enumerate(self._ids)}
        self._prices = np.array([arm.price_usd for arm in read.arms])
        self._gram = np.array([arm.gram for arm in read.arms])
        self._response = np.array([arm.response for arm in read.arms])
        self._inverse = np.linalg.inv(self._gram)
        self._updates = np.zeros(len(read.arms), dtype=np.int64)
        self._alpha, self._safety, self._fallback = read.alpha, read.safety, read.fallback
