"""Rates: takes the cost of an operation from the buckets of its tenant and client before it runs; gives back after."""

from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import Charge


class Rates:
    """The buckets of tenants and clients."""

    async def take(self, principal: Principal, cost: int) -> Charge:
        """Take `cost` units. Raises RateLimited."""
        return Charge(cost)

    def give_back(self, principal: Principal, charge: Charge, actual: int) -> None:
        """Give back what the operation did not cost after all; returns at once."""
