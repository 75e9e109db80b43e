"""Budget events: exact sums, exact limits, a reason once all is spent, and refusals with their path."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.budget_event import KIND, Budget, level, spent, statement
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
NOTE = {"reason": "small models until December"}
AMOUNTS = st.decimals(min_value=0, max_value=Decimal("1e12"), places=6).map(lambda one: f"{one:f}")


def predicate(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    entries = [{"id": "e0", "usd": "4.1"}, {"id": "e1", "usd": "4.2"}]
    plain = {
        "period": "2026-11",
        "limitUSD": "10",
        "entries": entries,
        "spentUSD": "8.3",
        "level": "warn80",
        "downshift": None,
    }
    return {**SAID, **plain, **changed}


def paths(**changed: Any) -> list[str]:  # noqa: ANN401  any JSON
    return [one.path for one in KIND.reperform(predicate(**changed)).differences]


@given(
    st.lists(st.tuples(st.uuids().map(str), AMOUNTS), unique_by=lambda one: one[0], max_size=30),
    AMOUNTS,
    st.sampled_from(["", "team:search"]),
)
def test_what_a_budget_states_agrees(entries: list[tuple[str, str]], limit: str, scope: str) -> None:
    budget = Budget("2026-11", limit, scope=scope)
    for entry, usd in entries:
        budget.add(entry, usd)
    found = KIND.reperform({**SAID, **budget.statement(NOTE)})
    assert (found.status, found.derived["level"]) == (Status.AGREES, budget.level)
    assert found.facts["entries"] == len(entries)


def test_sums_are_exact_whatever_the_magnitudes() -> None:
    amounts = ["999999999999999", "0.000000000000000001", "0.1", "0.2"]
    assert spent(amounts) == Decimal("999999999999999.300000000000000001")
    assert spent(["0." + "0" * 17 + "1"] * 10_000) == Decimal("0.00000000000001")


@pytest.mark.parametrize(
    ("total", "limit", "reached"),
    [
        ("0", "10", "ok"),
        ("7.999999999999999999", "10", "ok"),
        ("8", "10", "warn80"),
        ("8.000", "10", "warn80"),
        ("9.999999999999999999", "10", "warn80"),
        ("10", "10", "exceeded100"),
        ("0", "0", "exceeded100"),
        ("0.01", "0", "exceeded100"),
        ("0.24", "0.3", "warn80"),
    ],
)
def test_levels_at_their_edges(total: str, limit: str, reached: str) -> None:
    assert level(Decimal(total), Decimal(limit)) == reached


@pytest.mark.parametrize(
    ("changed", "differing"),
    [
        ({}, []),
        ({"spentUSD": "8.30"}, []),
        ({"spentUSD": "8.25"}, ["spentUSD"]),
        ({"spentUSD": "-8.3"}, ["spentUSD"]),
        ({"level": "ok"}, ["level"]),
        ({"level": "warn90"}, ["level"]),
        ({"limitUSD": "8.3", "level": "exceeded100"}, ["downshift"]),
        ({"limitUSD": "8.3", "level": "exceeded100", "downshift": {}}, ["downshift.reason"]),
        ({"limitUSD": "8.3", "level": "exceeded100", "downshift": {"reason": " "}}, ["downshift.reason"]),
        ({"limitUSD": "8.3", "level": "exceeded100", "downshift": {**NOTE, "to": "small"}}, []),
        ({"limitUSD": "8.3", "level": "warn80", "downshift": NOTE}, ["level"]),
        ({"entries": [], "spentUSD": "0", "level": "ok"}, []),
        ({"entries": [], "spentUSD": "0", "level": "exceeded100", "limitUSD": "0", "downshift": NOTE}, []),
        ({"downshift": NOTE}, []),
    ],
)
def test_each_altered_claim_is_one_difference(changed: dict[str, Any], differing: list[str]) -> None:
    assert paths(**changed) == differing


def test_a_missing_reason_shows_what_was_there() -> None:
    (found,) = KIND.reperform(predicate(limitUSD="1", level="exceeded100")).differences
    assert (found.path, found.claimed) == ("downshift", None)


def entries(*pairs: tuple[object, object]) -> dict[str, Any]:
    return {"entries": [{"id": one, "usd": usd} for one, usd in pairs]}


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"limitUSD": "-1"}, "limitUSD"),
        ({"limitUSD": 10}, "limitUSD"),
        ({"limitUSD": "1e3"}, "limitUSD"),
        ({"limitUSD": "NaN"}, "limitUSD"),
        ({"limitUSD": "1" * 19}, "limitUSD"),
        (entries(("e0", "1"), ("e1", "-0.5")), "entries.1.usd"),
        (entries(("e0", "1"), ("e1", "1e308")), "entries.1.usd"),
        (entries(("e0", 1.5)), "entries.0.usd"),
        (entries(("e0", "1"), ("", "1")), "entries.1.id"),
        (entries(("e0", "1"), ("e1", "1"), ("e0", "1")), "entries.2.id"),
        (entries(("e0", "9" * 18), ("e1", "1")), "entries"),
        (entries(*((f"e{n}", "1") for n in range(10_001))), "entries"),
        ({"spentUSD": "much"}, "spentUSD"),
        ({"level": 90}, "level"),
        ({"downshift": "later"}, "downshift"),
        ({"period": ""}, "period"),
        ({"scope": ""}, "scope"),
        ({"scope": "s" * 201}, "scope"),
    ],
)
def test_what_is_no_budget_is_refused_with_its_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        KIND.reperform(predicate(**changed))
    assert refused.value.fields["path"] == path


def test_facts_are_recomputed() -> None:
    facts = KIND.reperform(predicate(level="ok", spentUSD="1", scope="team:search")).facts
    assert (facts["spent"], facts["share"], facts["level"]) == (8.3, 0.83, "warn80")
    assert (facts["limit"], facts["scope"], facts["differing"]) == (10.0, "team:search", ("level", "spentUSD"))
    nothing = KIND.reperform(predicate(limitUSD="0", level="exceeded100", downshift=NOTE)).facts
    assert "share" not in nothing
    assert nothing["downshift"] == NOTE["reason"]


def test_it_is_said_in_a_sentence() -> None:
    assert KIND.reperform(predicate()).reason == ("$8.3 of $10 spent in 2026-11, 80 % or more (2 entries): warn80")


def test_a_budget_takes_an_entry_once() -> None:
    budget = Budget("2026-11", "10")
    assert (budget.add("a", "9"), budget.add("a", "9.0")) == ("warn80", "warn80")
    for entry, usd, path in (("a", "1", "entries.usd"), ("b", "-1", "entries.usd"), ("", "1", "entries.id")):
        with pytest.raises(Malformed) as refused:
            budget.add(entry, usd)
        assert refused.value.fields["path"] == path
    assert budget.statement()["spentUSD"] == "9"


def test_an_exceeded_budget_is_not_stated_without_a_reason() -> None:
    for note, path in ((None, "downshift"), ({"to": "small"}, "downshift.reason")):
        with pytest.raises(Malformed) as refused:
            statement("2026-11", "1", [("a", "1")], note)
        assert refused.value.fields["path"] == path
