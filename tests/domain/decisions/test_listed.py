"""Things in listed order: ids that stand once, and ties that go to the first."""

import pytest

from evidence_api.domain.decisions.listed import check_distinct, counted, first_highest
from evidence_api.domain.errors import Malformed


def test_an_id_that_stands_twice_is_refused_where_it_stands_again() -> None:
    with pytest.raises(Malformed, match="'a' stands twice") as refusal:
        check_distinct(["a", "b", "a"], "plans.{}.id")
    assert (refusal.value.code, refusal.value.fields["path"]) == ("out_of_domain", "plans.2.id")


@pytest.mark.parametrize(
    ("values", "best"),
    [([1.0], 0), ([1.0, 2.0], 1), ([2.0, 2.0], 0), ([0.3, 0.1 + 0.2], 0), ([0.0, 0.0, -1.0], 0), ([-2.0, -1.0], 1)],
)
def test_the_highest_and_of_equals_the_first(values: list[float], best: int) -> None:
    assert first_highest(values) == best


def test_what_differs_by_more_than_rounding_is_no_tie() -> None:
    assert first_highest([1.0, 1.0 + 1e-9]) == 1


def test_one_is_not_many() -> None:
    assert [counted(count, "hop") for count in (0, 1, 2)] == ["0 hops", "1 hop", "2 hops"]
