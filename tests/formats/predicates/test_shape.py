import pytest
from pydantic import Field

from evidence_api.domain.errors import Malformed
from evidence_api.formats.predicates.shape import Moment, Own, Several, ThirdParty, known_facts, read_model


class Inner(ThirdParty):
    number: int


class Theirs(ThirdParty):
    many: Several[Inner] | None = None
    moment: Moment | None = Field(default=None, alias="theMoment")


class Ours(Own):
    word: str


def test_unknown_members_are_tolerated_from_others_and_refused_from_us() -> None:
    assert read_model(Theirs, {"extra": 1}).many is None
    with pytest.raises(Malformed) as caught:
        read_model(Ours, {"word": "a", "extra": 1})
    assert caught.value.fields["path"] == "predicate.extra"


def test_paths_are_dotted_and_in_the_spelling_of_the_document() -> None:
    with pytest.raises(Malformed) as caught:
        read_model(Theirs, {"many": [{"number": 1}, {"number": "2"}]})
    assert caught.value.fields == {"path": "predicate.many.1.number", "value": "'2'"}
    with pytest.raises(Malformed) as caught:
        read_model(Theirs, {"theMoment": "soon"})
    assert caught.value.fields["path"] == "predicate.theMoment"


@pytest.mark.parametrize("value", [True, 1.0, "1", None, []])
def test_numbers_are_numbers(value: object) -> None:
    with pytest.raises(Malformed):
        read_model(Inner, {"number": value})


@pytest.mark.parametrize("value", [{}, "ab", 1, {"0": {"number": 1}}])
def test_lists_are_lists(value: object) -> None:
    with pytest.raises(Malformed):
        read_model(Theirs, {"many": value})


def test_what_was_not_stated_is_no_fact() -> None:
    stated = {"a": None, "b": "", "c": 0, "d": False, "e": ()}
    assert known_facts(stated) == {"c": 0, "d": False, "e": ()}
