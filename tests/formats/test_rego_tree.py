"""The walk over a syntax tree, places in the text, and edits of it."""

from typing import Any

from evidence_api.formats.rego_tree import edited, nodes, place


def test_the_walk_finds_every_mapping_however_deep() -> None:
    tree: Any = {"last": 1}
    for _ in range(5000):
        tree = [{"inner": tree}, {"Var": {}}]
    found = list(nodes(tree))
    assert sum("inner" in node for node in found) == sum("Var" in node for node in found) == 5000
    assert {"last": 1} in found


def test_the_walk_does_not_go_into_what_is_left_out() -> None:
    tree = {"a": {"Compr": {"x": {}}}, "b": [{"y": {}}]}
    assert list(nodes(tree, without=frozenset({"Compr"}))) == [tree, {"y": {}}, {}, {"Compr": {"x": {}}}]


def test_a_place_counts_letters_from_one() -> None:
    source = 'package p\n\tr := "ü" + x\n'.encode()
    assert place(source, {"line": 2, "start": source.index(b"x")}) == (2, 13)
    assert place(source, {"line": 1, "start": 0}) == (1, 1)


def test_edits_are_made_in_the_order_of_the_text() -> None:
    assert edited(b"not f(x)", [(8, 8, b" }"), (4, 5, b"g"), (0, 0, b"{ ")]) == b"{ not g(x) }"
    assert edited(b"same", []) == b"same"
