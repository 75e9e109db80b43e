"""The headers of rates, as structured fields of the draft."""

import doctest

from evidence_api.domain.errors import RateLimited
from evidence_api.domain.rates import Standing
from evidence_api.formats import rate_headers


def test_the_examples_hold() -> None:
    assert doctest.testmod(rate_headers).failed == 0


def test_a_refusal_says_when_to_come_again_and_rounds_up() -> None:
    refused = RateLimited("over", retry_after=2.001, limit=600, value=0, restore_rate=60.0)
    assert rate_headers.refusal_headers(refused) == {
        "RateLimit-Policy": '"cost";q=600;w=10;evidence-unit="cost"',
        "RateLimit": '"cost";r=0;t=3',
        "Retry-After": "3",
    }
    assert rate_headers.refusal_headers(RateLimited("over"))["Retry-After"] == "1"


def test_a_window_is_never_shorter_than_a_second() -> None:
    told = rate_headers.rate_headers(Standing(limit=1, remaining=1, reset=-0.5, restore_rate=1000.0))
    assert told == {"RateLimit-Policy": '"cost";q=1;w=1;evidence-unit="cost"', "RateLimit": '"cost";r=1;t=0'}
