"""How often a tenant may call a model: what operators set of token buckets and budgets, and what a bucket said.

Set in the policy's data, for everybody or by tenant; a tenant's own take the place of everybody's:

    model_call:
      buckets: {large-2: {burst: 20, refill_per_minute: 10}, "*": {burst: 100, refill_per_minute: 60}}

      budget_limits: {"2026-11": "500", "*": "800"}

Each model has a bucket of its own; `*` says how large those are that are not named. A call takes one token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

_EVERY = "*"


@dataclass(frozen=True, slots=True)
class BucketSize:
    """Calls at once, and calls a minute in the long run. Both at least 1."""

    burst: int
    refill_per_minute: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What a bucket said. `remaining` are whole calls; `retry_after` seconds until one more, 0 where it was granted."""

    granted: bool
    remaining: int
    retry_after: float


@dataclass(frozen=True, slots=True)
class BucketState:
    """A bucket as it is now: `level` in calls (with parts), `size` as it was used last, at `moved`."""

    model: str
    level: float
    size: BucketSize
    moved: datetime


def bucket_size(settings: object, tenant: str, model: str) -> BucketSize | None:
    """The size of a tenant's bucket of a model, by the area's settings; None: calls of it are not limited.

    >>> bucket_size({"buckets": {"*": {"burst": 5, "refill_per_minute": 2}}}, "acme", "small-1")
    BucketSize(burst=5, refill_per_minute=2)
    """
    shared = settings if isinstance(settings, Mapping) else {}
    own: Any = shared.get("tenants", {}).get(tenant, {})
    buckets: Mapping[str, Mapping[str, int]] = own.get("buckets", shared.get("buckets", {}))
    found = buckets.get(model, buckets.get(_EVERY))
    return None if found is None else BucketSize(found["burst"], found["refill_per_minute"])


def budget_limit(settings: object, tenant: str, period: str) -> Decimal | None:
    """The operator's limit of a tenant's budget of a period, US dollars; None: what the events say holds.

    >>> budget_limit({"budget_limits": {"2026-11": "500", "*": "800.50"}}, "acme", "2026-12")
    Decimal('800.50')
    """
    shared = settings if isinstance(settings, Mapping) else {}
    own: Any = shared.get("tenants", {}).get(tenant, {})
    limits: Mapping[str, str] = own.get("budget_limits", shared.get("budget_limits", {}))
    found = limits.get(period, limits.get(_EVERY))
    return None if found is None else Decimal(found)
