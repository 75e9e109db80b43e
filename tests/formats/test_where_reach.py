"""Whether a condition can ever be true or false: never wrong about "it cannot", and right for one fact."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.evidence import Fact
from evidence_api.domain.kinds import FactType
from evidence_api.domain.where import And, Compare, Expression, Not, write
from evidence_api.formats.where import parse_where
from evidence_api.formats.where_reach import can_be
from tests.support import where as support

# The same kind with a list of a closed vocabulary.
KIND = replace(
    support.EVERY_TYPE,
    facts={**support.EVERY_TYPE.facts, "rights": FactType.WORDS},
    words={"closed": ("yes", "no"), "rights": ("read", "write")},
)


def reach(text: str) -> tuple[bool, bool]:
    """Whether it can be true, and whether it can be false."""
    tree = parse_where(text, KIND.name, file="f", line=1, column=1, kinds={KIND.name: KIND})
    return can_be(tree, truth=True, kind=KIND), can_be(tree, truth=False, kind=KIND)


@pytest.mark.parametrize(
    "text",
    [
        "false",
        "!true",
        "count==1 && count==2",
        "count<1 && count>2",
        "count<1 && count>=1",
        "count in [1, 2] && count in [3]",
        "count in [1, 2] && count!=1 && count!=2",
        "count==1 && !(count in [1])",
        "count<=1 && count>=1 && count!=1",
        "!(count<=5) && count<5.5 && count<=5",
        "word==x && word==y",
        "word==x && !(word in [x, y])",
        "closed!=yes && closed!=no",
        "!(closed in [yes, no])",
        "flag && !flag",
        "flag && flag==false",
        "!verified",
        "word==null",
        "!(word!=null)",
        "word==x && word==null",
        "time<2026-01-01T00:00:00Z && time>2026-01-01T00:00:00Z",
        "time>2026-01-01T00:00:00Z && time<2026-01-01T00:00:00.000001Z",
        "time<0001-01-01T00:00:00Z",
        "time>9999-12-31T23:59:59.999999Z",
        "lasted<PT1M && lasted>=PT60S",
        "a in names && !(a in names)",
        "names==[a] && b in names",
        "names==[a] && names==[b]",
        "names==[a] && names!=[a]",
        "names in [a, b] && c in names",
        "names in [a] && names!=[a]",
        "names in [a, b] && !(a in names) && !(b in names)",
        "names in [a, b] && names!=[a] && names!=[b] && names!=[a, b]",
        "names in [a] && !(names in [a, b])",
        "names==[a] && !(names in [a, b])",
        "!(read in rights) && !(write in rights) && rights in [read, write]",
        "!(rights in [read, write])",
        "(count==1 || count==2) && count>3",
        "(flag || count==1) && (!flag || word==x) && count==2 && word==y",
    ],
)
def test_never_true(text: str) -> None:
    assert reach(text)[0] is False


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "count==1 || count!=1",
        "count<1 || count>=1",
        "flag || !flag",
        "closed in [yes, no]",
        "closed==yes || closed!=yes",
        "word!=x || word!=y",
        "verified",
        "word!=null",
        "names!=[a] || names!=[b]",
        "rights in [write, read]",
    ],
)
def test_never_false(text: str) -> None:
    assert reach(text) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "count==1 && count<2 && count!=0",
        "count>1 && count<1.0000000000000002",
        "count>1 || count<1",
        "word!=x && word!=y",
        "closed==yes",
        "time>2026-01-01T00:00:00Z && time<2026-01-01T00:00:00.000002Z",
        "lasted>PT1S && lasted<PT2S",
        "a in names && b in names && names!=[a, b]",
        "names in [a, b] && names!=[a]",
        "!(names in [a, b]) && a in names",
        "names!=[a] && names!=[b] && names!=[a, b]",
        "rights!=[read] && rights!=[write]",
        "count==1 && word==x && flag && !(time>2026-01-01T00:00:00Z)",
        "flag && deep.word==x || !flag && deep.word==y",
    ],
)
def test_either(text: str) -> None:
    assert reach(text) == (True, True)


def test_what_is_too_branched_to_be_searched_is_taken_to_be_possible() -> None:
    never = "(count==1 || count==2) && (count==3 || count==4)"
    free = " && ".join(f"(a{number} in names || b{number} in names)" for number in range(30))
    assert reach(never)[0] is False
    assert reach(f"{free} && {never}")[0] is True
    together = " && ".join(f"count!={number}" for number in range(100))
    assert reach(f"{together} && count==1")[0] is True


def in_vocabulary(facts: dict[str, Fact]) -> dict[str, Fact]:
    """Facts as their readers give them: a closed word is one of its vocabulary."""
    closed = facts.get("closed")
    return facts if closed in {None, "yes", "no"} else {**facts, "closed": "yes"}


@settings(max_examples=150, deadline=None)
@given(support.expressions(), st.lists(support.facts().map(in_vocabulary), min_size=1, max_size=8))
def test_no_row_does_what_is_called_impossible(tree: Expression, rows: list[dict[str, Fact]]) -> None:
    truths = {support.reference(tree, facts) for facts in rows}
    for truth in (True, False):
        assert truth not in truths or can_be(tree, truth=truth, kind=support.EVERY_TYPE), write(tree)


@st.composite
def of_one_fact(draw: st.DrawFn) -> Expression:
    """Comparisons of one fact, joined by &&, some of them negated."""
    path = draw(st.sampled_from(sorted(support.EVERY_TYPE.facts)))
    terms = draw(st.lists(support.comparisons(path), min_size=1, max_size=4))
    return And(tuple(Not(term) if draw(st.booleans()) else term for term in terms))


@settings(max_examples=200, deadline=None)
@given(of_one_fact())
def test_of_one_fact_the_answer_is_exact(tree: Expression) -> None:
    """What can be true is true of one of the values that lie at and around the literals."""
    compares = [term.term if isinstance(term, Not) else term for term in tree.terms] if isinstance(tree, And) else []
    (path,) = {compare.path for compare in compares if isinstance(compare, Compare)}
    found = any(support.reference(tree, {path: value}) is True for value in support.values_around(path))
    assert can_be(tree, truth=True, kind=support.EVERY_TYPE) is found, write(tree)
