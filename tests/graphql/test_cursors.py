import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.errors import EvidenceError, Malformed, TooLarge
from evidence_api.domain.page import Page, Window, cut, slice_of
from evidence_api.graphql.cursors import Paging, decode_cursor, encode_cursor, filter_hash, window_of

HASH = filter_hash("evidence", kinds=["sbom"])


@given(st.text(min_size=1, max_size=60))
def test_a_position_comes_back(position: str) -> None:
    assert decode_cursor(encode_cursor(position, HASH), HASH, "after") == position


@given(st.text(max_size=80))
def test_any_other_text_is_refused_by_code(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        decode_cursor(text, HASH, "after")
    assert refusal.value.code in {"bad_cursor", "cursor_of_another_list"}


def test_a_cursor_is_bound_to_its_filter() -> None:
    cursor = encode_cursor("7", filter_hash("evidence", kinds=["vulns"]))
    with pytest.raises(Malformed) as refusal:
        decode_cursor(cursor, HASH, "before")
    assert (refusal.value.code, refusal.value.fields["path"]) == ("cursor_of_another_list", "before")


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        *((None, None, "page_size_missing"), (1, 1, "page_size_missing"), (0, None, "page_size")),
        *((101, None, "page_size"), (None, 0, "page_size"), (None, 101, "page_size"), (-1, None, "page_size")),
    ],
)
def test_page_sizes(first: int | None, last: int | None, code: str) -> None:
    with pytest.raises(EvidenceError) as refusal:
        window_of(Paging(first, None, last, None), HASH)
    assert refusal.value.code == code
    assert refusal.value.fields["limit"] == 100


def test_a_window_reads_backward_with_last() -> None:
    cursor = encode_cursor("9", HASH)
    assert window_of(Paging(None, None, 5, cursor), HASH) == Window(5, backward=True, after=None, before="9")


def test_too_large_says_the_limit_and_the_value() -> None:
    with pytest.raises(TooLarge) as refusal:
        window_of(Paging(500, None, None, None), HASH)
    assert refusal.value.fields == {"path": "first", "limit": 100, "value": 500}


@given(st.integers(0, 30), st.integers(1, 10), st.booleans())
def test_pages_in_memory_visit_everything_once_in_order(count: int, size: int, backward: bool) -> None:  # noqa: FBT001  drawn
    items = [f"{number:03d}" for number in range(count)]
    seen: list[str] = []
    mark: str | None = None
    for _ in range(count + 1):
        window = Window(size, backward, None if backward else mark, mark if backward else None)
        page = slice_of(items, window, str)
        seen = [*page.items, *seen] if backward else [*seen, *page.items]
        if not page.more:
            break
        mark = page.items[0] if backward else page.items[-1]
    assert seen == items


def test_a_row_too_many_says_there_is_more() -> None:
    assert cut([3, 2, 1], Window(2, backward=True)) == Page((2, 3), more=True)
    assert cut([1, 2], Window(2)) == Page((1, 2), more=False)
