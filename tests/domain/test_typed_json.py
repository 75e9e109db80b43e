from typing import Literal

import pytest
from pydantic import ValidationError

from evidence_api.domain.errors import Malformed
from evidence_api.domain.typed_json import Moment, Own, Several, ThirdParty, Word, inside, read_typed


class Leaf(ThirdParty):
    when: Moment | None = None
    word: Word = "a"


class Tree(Own):
    kind: Literal["oak", "elm"]
    leaves: Several[Leaf] = ()


class Listed(Own):
    names: Several[Word]
    counts: dict[Word, int]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "kind"),
        ({"kind": "fir"}, "kind"),
        ({"kind": "oak", "age": 7}, "age"),
        ({"kind": "oak", "leaves": {}}, "leaves"),
        ({"kind": "oak", "leaves": [{}, {"when": "today"}]}, "leaves.1.when"),
        ({"kind": "oak", "leaves": [{"word": "two\nlines"}]}, "leaves.0.word"),
    ],
)
def test_a_mismatch_is_told_with_its_path_and_value(document: dict[str, object], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_typed(Tree, document)
    assert caught.value.fields["path"] == path
    assert caught.value.message.startswith(f"{path}: ")
    assert "value" in caught.value.fields
    with pytest.raises(Malformed) as caught:
        read_typed(Tree, document, at="forest.3")
    assert caught.value.fields["path"] == f"forest.3.{path}"


def test_what_others_add_is_tolerated_and_lists_are_kept_in_order() -> None:
    tree = read_typed(Tree, {"kind": "elm", "leaves": [{"word": "b", "colour": 1}, {"word": "a"}]})
    assert [leaf.word for leaf in tree.leaves] == ["b", "a"]


@pytest.mark.parametrize(
    ("path", "seen"), [("a.0", "whole.a.0"), ("$", "whole"), ("/", "whole"), ("", "whole"), (None, "whole")]
)
def test_a_refusal_is_seen_from_outside(path: str | None, seen: str) -> None:
    fault = inside(Malformed("a: wrong", code="unsupported_version", path=path, value="v1"), "whole")
    assert (fault.code, fault.fields) == ("unsupported_version", {"path": seen, "value": "v1"})


def test_the_first_fault_of_a_list_ends_its_reading() -> None:
    """A million faults, each kept with its place, would take a gigabyte of memory to name one of them."""
    with pytest.raises(Malformed) as refused:
        read_typed(Listed, {"names": [None] * 100_000, "counts": {}})
    fault = refused.value.__cause__
    assert isinstance(fault, ValidationError)
    assert fault.error_count() == 1
    assert refused.value.fields["path"] == "names.0"


def test_a_name_that_is_none_has_the_path_of_its_member() -> None:
    with pytest.raises(Malformed) as refused:
        read_typed(Listed, {"names": [], "counts": {"\n": 1}})
    assert refused.value.fields["path"] == "counts.\n"
