"""Rationales: which numbers a text claims, when one is borne out, and that our own ways of showing a number pass."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.rationale import (
    MAX_LETTERS,
    check_rationale,
    dollars,
    give_or_take,
    number,
    percent,
    shown_numbers,
    unfounded,
)

CARD = {"predictedEval": 0.7914804, "predictedCostUSD": 0.16, "uncertainty": 0.0424, "fallback": None}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("expects 0.94 ± 0.03 at $0.18", [0.94, 0.03, 0.18]),
        ("0.94±0.03", [0.94, 0.03]),
        ("-0.5, +2, \u22123 and \u20134", [-0.5, 2, -3, -4]),
        ("-$1,200.50 or $-3", [-1200.5, -3]),
        ("between 0.5-0.6, 1/2, +/-7", [0.5, 0.6, 1, 2, 7]),
        ("chain0@s impl-2 v1.2 5ms 1e5 eval=0.9", []),  # words holding letters
        ("no number", []),
        ("1,000,000 and 10,20", [1_000_000, 10, 20]),
        ("(0.5). .25!", [0.5, 0.25]),
        ("2 % and 3% and 4 percent", [2, 3, 4]),
        ("٣", [3]),
    ],
)
def test_the_numbers_of_a_text(text: str, values: list[float]) -> None:
    assert [one.value for one in shown_numbers(text)] == values


@pytest.mark.parametrize(
    "text",
    [
        "eval 0.791 at $0.16",
        "eval 0.79, 0.8, 1",  # each to its last digit
        "79 % or 79.1% or 79.15 percent",
        "0.0424 and 4.24 %",
        "preferred",
    ],
)
def test_what_the_card_has_may_be_said(text: str) -> None:
    assert unfounded(text, CARD) == ()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("eval 0.792 at $0.16", ("0.792",)),
        ("eval 0.80", ("0.80",)),
        ("eval -0.79", ("-0.79",)),
        ("costs $0.17 or $0.160001", ("$0.17", "$0.160001")),
        ("78 % sure", ("78 %",)),
        ("0.79 % sure", ("0.79 %",)),  # a percent is the fraction it stands for, and no other number
        ("7 tries", ("7",)),
        ("9" * 400, ("9" * 400,)),
    ],
)
def test_what_the_card_has_not_may_not(text: str, missing: tuple[str, ...]) -> None:
    assert unfounded(text, CARD) == missing


def test_half_a_unit_is_near_enough_in_decimal_not_binary() -> None:
    assert unfounded("0.79", {"p": 0.785}) == ()
    assert unfounded("0.78", {"p": 0.785}) == ()
    assert unfounded("0.79", {"p": 0.78499}) == ("0.79",)


def test_numbers_of_arrays_and_lists_count_and_booleans_do_not() -> None:
    assert unfounded("17.5 and 3", {"list": [[3]]}, np.array([[17.5, 2.0]])) == ()
    assert unfounded("1", {"safe": True}) == ("1",)


def test_ids_that_look_like_numbers_are_none() -> None:
    assert unfounded("picked 42, not 4.1 or arm 7 (17): 0.79", CARD, names=("42", "4.1", "arm 7", "17")) == ()
    assert unfounded("not arm 70, but arm 7", CARD, names=("arm 7", "arm 70")) == ()
    assert unfounded("picked 42: 42.5", CARD, names=("42",)) == ("42.5",)


def test_the_difference_names_what_is_missing_once_and_not_without_end() -> None:
    (found,) = check_rationale("card.rationale", "7 and 7 and 8", CARD)
    assert (found.path, found.claimed) == ("card.rationale", "7 and 7 and 8")
    assert found.recomputed == "no 7, 8 in the card or the inputs"
    (many,) = check_rationale("r", " ".join(map(str, range(10, 40))), CARD)
    assert many.recomputed == "no 10, 11, 12, 13, 14, ... in the card or the inputs"
    assert check_rationale("r", "fine: 0.79", CARD) == ()


@given(st.floats(-1e30, 1e30), st.floats(0, 1e30), st.floats(0, 1))
def test_what_we_show_ourselves_is_borne_out(value: float, width: float, share: float) -> None:
    text = f"{number(value)} {dollars(value)} {give_or_take(value, width)} {percent(share)}"
    assert unfounded(text, [value, width, share]) == ()


@given(st.text(max_size=60))
def test_any_text_can_be_checked(text: str) -> None:
    assert isinstance(unfounded(text, CARD), tuple)


@pytest.mark.parametrize("piece", ["1", "1,", "1,111", "-", "- ", "1.", ".1", "%", "$", " 1", "a1 "])
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * MAX_LETTERS)[:MAX_LETTERS]
    started = time.process_time()
    names = [f"{number}" for number in range(5000)] + [f"1 {number}" for number in range(5000)]
    unfounded(text, CARD, np.arange(10_000.0), names=names)
    assert time.process_time() - started < 1
