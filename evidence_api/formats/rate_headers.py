"""The headers that say how much a caller may still ask for.

    RateLimit-Policy: "cost";q=30000;w=10;evidence-unit="cost"    so many units in so many seconds
    RateLimit: "cost";r=29990;t=1                                 units left, seconds until it is full
    Retry-After: 3                                                  of a refusal: the seconds after which it fits

Source: draft-ietf-httpapi-ratelimit-headers; RFC 9110 section 10.2.3. `t` of a refusal is its Retry-After.
"""

from math import ceil

from evidence_api.domain.errors import RateLimited
from evidence_api.domain.rates import Standing

POLICY = "cost"


def rate_headers(standing: Standing, retry_after: int | None = None) -> dict[str, str]:
    """The headers of an answer, or of a refusal.

    >>> rate_headers(Standing(limit=100, remaining=40, reset=5.5, restore_rate=10.0))
    {'RateLimit-Policy': '"cost";q=100;w=10;evidence-unit="cost"', 'RateLimit': '"cost";r=40;t=6'}
    """
    window = max(1, ceil(standing.limit / standing.restore_rate))
    until = max(0, ceil(standing.reset)) if retry_after is None else retry_after
    headers = {
        "RateLimit-Policy": f'"{POLICY}";q={standing.limit};w={window};evidence-unit="cost"',
        "RateLimit": f'"{POLICY}";r={standing.remaining};t={until}',
    }
    return headers if retry_after is None else headers | {"Retry-After": str(retry_after)}


def refusal_headers(error: RateLimited) -> dict[str, str]:
    """The headers of a refusal, by the figures it has."""
    limit, rate, wait = (error.fields.get(name) for name in ("limit", "restore_rate", "retry_after"))
    seconds = max(1, ceil(wait)) if isinstance(wait, int | float) else 1
    standing = Standing(
        limit=limit if isinstance(limit, int) else 0,
        remaining=0,
        reset=float(seconds),
        restore_rate=rate if isinstance(rate, float) else 1.0,
    )
    return rate_headers(standing, seconds)
