"""Rates at the edge of HTTP: what a request that is no GraphQL operation costs a tenant that has a limit of its own.

Tenants without one are not charged here, and nothing is asked of the database for them: what they upload goes by the
lanes, and what they query is charged by the usual limit. What was left is told in headers (web/requests.py).
"""

from starlette.types import Scope

from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import REQUEST_COSTS
from evidence_api.use_cases.rates import Rates

_OTHER = 5  # units of a request whose action has no cost of its own


async def charge(scope: Scope, rates: Rates, principal: Principal, units: int) -> None:
    """Take the cost of a request. Raises RateLimited."""
    taken = await rates.take_if_limited(principal, units)
    if taken.standing is not None:
        scope["state"]["rate"] = taken.standing


def cost_of_action(action: str) -> int:
    """Units of a request that asks for an action."""
    return REQUEST_COSTS.get(action, _OTHER)
