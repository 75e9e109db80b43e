"""GraphQL, the report of rates: what a call cost and what its caller has left, in `extensions` and in headers.

Source: draft-ietf-httpapi-ratelimit-headers. The registry of quota units knows no cost of a query, so the unit is a
parameter of our own, `evidence-unit`.
"""

from evidence_api.domain.errors import RateLimited
from evidence_api.domain.rates import Standing, refund
from evidence_api.formats.rate_headers import rate_headers, refusal_headers
from evidence_api.graphql.call import Call
from evidence_api.use_cases.rates import resets_at


async def report_rates(call: Call) -> None:
    """An addition of the view: `extensions.cost`, `extensions.rateLimit`, the RateLimit headers, Retry-After."""
    if isinstance(call.refused, RateLimited):
        call.headers.update(refusal_headers(call.refused))
        return
    charge = call.charge
    if charge is None:
        return
    actual = charge.requested if call.ran is None or call.ran.cost is None else call.ran.cost
    if call.ran is not None:
        call.extensions["cost"] = {"requested": charge.requested, "actual": min(actual, charge.requested)}
    if charge.standing is None:
        return
    standing = charge.standing
    back = 0 if call.ran is None else refund(charge.requested, actual)
    remaining = min(standing.limit, standing.remaining + back)
    call.extensions["rateLimit"] = {
        "limit": standing.limit,
        "remaining": remaining,
        "resetAt": resets_at(charge).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "restoreRate": standing.restore_rate,
    }
    call.headers.update(rate_headers(Standing(standing.limit, remaining, standing.reset, standing.restore_rate)))
