from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions import ownership
from evidence_api.domain.decisions.ownership import Reviewed, owners
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import example, reperformed

REVIEWS = st.lists(
    st.tuples(st.text("abcdef", min_size=1, max_size=6), st.integers(0, 10**6), st.floats(0, 1e9)),
    max_size=12,
    unique_by=lambda one: one[0],
)


@given(REVIEWS, st.floats(1e-3, 1e4), st.integers(1, 15))
def test_our_own_statements_agree(reviews: list[tuple[str, int, float]], half_life: float, k: int) -> None:
    made = ownership.statement("a.py", reviews, half_life_days=half_life, k=k)
    result = reperformed("ownership", made)
    assert result.status == "AGREES"
    shares = [one["p"] for one in made["owners"]]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) <= k
    assert bool(shares) is any(count for _, count, _ in reviews)
    assert sum(shares) == pytest.approx(1) or k < len(reviews) or not shares


def test_by_hand() -> None:
    """Weights 8 / 2 = 4, 3 and 4 / 4 = 1 of 8."""
    reviews = [Reviewed("ada", 8, 30), Reviewed("bob", 3, 0), Reviewed("eve", 4, 60)]
    assert owners(reviews, half_life_days=30, k=2) == [("ada", 0.5), ("bob", 0.375)]
    assert owners(reviews, half_life_days=30, k=9) == [("ada", 0.5), ("bob", 0.375), ("eve", 0.125)]


def test_of_equals_the_first_listed_is_first() -> None:
    reviews = [Reviewed("zoe", 2, 60), Reviewed("ada", 1, 30), Reviewed("bob", 1, 30)]
    assert [user for user, _ in owners(reviews, half_life_days=30, k=2)] == ["zoe", "ada"]


def test_of_equals_that_rounding_parts_the_first_listed_is_first() -> None:
    """2^(-2/90) and 2 * 2^(-92/90) are one number, and two doubles, the later listed the larger."""
    for reviews in ([Reviewed("ada", 1, 2), Reviewed("bob", 2, 92)], [Reviewed("bob", 2, 92), Reviewed("ada", 1, 2)]):
        weighed = [*reviews, Reviewed("eve", 1, 0)]
        assert [user for user, _ in owners(weighed, half_life_days=90, k=3)] == ["eve", *(one.user for one in reviews)]


def test_a_file_nobody_touched_for_years_keeps_its_owners() -> None:
    reviews = [Reviewed("ada", 1, 1e6), Reviewed("bob", 3, 1e6), Reviewed("eve", 0, 0)]
    assert owners(reviews, half_life_days=1, k=2) == [("bob", 0.75), ("ada", 0.25)]


@pytest.mark.parametrize("reviews", [[], [("ada", 0, 3)]])
def test_nobody_with_any_weight_is_no_owner(reviews: list[tuple[str, int, float]]) -> None:
    result = reperformed("ownership", ownership.statement("a.py", reviews))
    assert result.status == "AGREES"
    assert result.derived == {"owners": []}
    assert result.facts["owners"] == ()
    assert result.reason == "nobody owns a.py: it has no reviews"


def test_who_asks_for_no_owners_gets_none() -> None:
    result = reperformed("ownership", ownership.statement("a.py", [("ada", 8, 30)], k=0))
    assert (result.status, result.derived) == ("AGREES", {"owners": []})
    assert result.reason == "nobody owns a.py: no owners were asked for"


def test_owners_differ_by_their_place() -> None:
    made = ownership.statement("a.py", [("ada", 8, 30), ("bob", 3, 0), ("eve", 4, 60)], half_life_days=30)
    swapped = {**made, "owners": made["owners"][::-1]}
    paths = [one.path for one in reperformed("ownership", swapped).differences]
    assert paths == ["owners.0.p", "owners.0.user", "owners.1.p", "owners.1.user"]
    more = {**made, "owners": [*made["owners"], {"user": "eve", "p": 0.125}]}
    assert [one.path for one in reperformed("ownership", more).differences] == ["owners.2"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"halfLifeDays": 0}, "halfLifeDays"),
        ({"halfLifeDays": float("nan")}, "halfLifeDays"),
        ({"halfLifeDays": 1e308}, "halfLifeDays"),
        ({"k": -1}, "k"),
        ({"k": 2.5}, "k"),
        ({"reviews": [{"user": "a", "count": -1, "lastReviewDays": 1}]}, "reviews.0.count"),
        ({"reviews": [{"user": "a", "count": 2**53, "lastReviewDays": 1}]}, "reviews.0.count"),
        ({"reviews": [{"user": "a", "count": 1, "lastReviewDays": -1}]}, "reviews.0.lastReviewDays"),
        ({"reviews": [{"user": "a", "count": 1}]}, "reviews.0.lastReviewDays"),
        ({"reviews": [{"user": "a", "count": 1, "lastReviewDays": 1}] * 2}, "reviews.1.user"),
        ({"reviews": [{"user": "a", "count": 1, "lastReviewDays": 1}] * 10_001}, "reviews"),
        ({"owners": None}, "owners"),
        ({"owners": [{"user": "a"}]}, "owners.0.p"),
    ],
)
def test_what_is_out_of_domain(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        reperformed("ownership", {**example("ownership"), **change})
    assert refused.value.fields["path"] == path


def test_what_a_control_may_ask_and_what_is_told() -> None:
    result = reperformed("ownership", ownership.statement("a.py", [("ada", 3, 0), ("bob", 1, 0), ("eve", 0, 9)]))
    asked = {name: result.facts[name] for name in ("file", "reviewers", "owners", "top", "share")}
    assert asked == {"file": "a.py", "reviewers": 2, "owners": ("ada", "bob"), "top": "ada", "share": 0.75}
    assert result.reason == "a.py is owned by ada (75.0%), bob (25.0%), of 3 reviewers"
