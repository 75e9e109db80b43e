"""The sentences: every outcome in words, the same for the same rows, and the placeholders of `passed_because`."""

from datetime import timedelta

import pytest

from evidence_api.domain.evidence import Fact
from evidence_api.domain.narrative import PLACEHOLDERS, group_of, listed, moment, short
from tests.support.catalogs import AT, assess, catalog_of, evidence_id, row

OPA = "id: A\nquery: [{kind: opa, where: denies==0%s}]\n"


def because(text: str, *rows: object) -> str:
    return assess(catalog_of(text), rows).findings[0].because  # type: ignore[arg-type]  # rows


@pytest.mark.parametrize(
    ("more", "rows", "said"),
    [
        ("", [], "Evidence is missing: opa: no verified evidence of this kind."),
        (", name: n", [], "Evidence is missing: opa (n): no verified evidence of this kind."),
        (
            ", on_empty: {outcome: not_applicable, reason: nothing is decided here}",
            [],
            "Not applicable: opa: no evidence of this kind, which is in order: nothing is decided here.",
        ),
        (
            ", expect: {at_least: 2}",
            [row("opa", {"denies": 0})],
            "Evidence is missing: opa: 1 satisfies denies==0, 2 needed.",
        ),
        (
            ", fresh: {max_age: P30D}",
            [row("opa", {"denies": 0}, number=0xABC, age=timedelta(days=31))],
            (
                "Evidence is too old: opa: 1 of 1 too old to count, the limit is P30D on the effective clock "
                "(signed by key ci; of 2026-08-01T12:00:00Z; evidence sha256:000000000000)."
            ),
        ),
        (
            ", fresh: {max_age: P30D}",
            [row("opa", {"denies": 1}, age=timedelta(days=31))],
            "Evidence is missing: opa: none satisfy denies==0, 1 needed, 1 too old to count.",
        ),
        (
            ", per: subject",
            [row("opa", {"denies": 0})],
            "Evidence is missing: opa: fewer than 1 satisfy denies==0 for sha256:b2b2b2b2b2b2.",
        ),
        (
            "",
            [row("opa", {"denies": number}, number=number) for number in range(5)],
            (
                "Failed: opa: 4 of 5 do not satisfy denies==0: denies is 1 in sha256:000000000000, "
                "denies is 2 in sha256:000000000000, denies is 3 in sha256:000000000000 and 1 more."
            ),
        ),
    ],
)
def test_every_way_not_to_pass_has_its_words(more: str, rows: list[object], said: str) -> None:
    assert because(OPA % more, *rows) == said


ABOUT = "id: A\nquery: [{kind: opa, population: {where: area==x}, where: denies==0%s}]\n"
X: dict[str, Fact] = {"area": "x", "denies": 0}
Y: dict[str, Fact] = {"area": "y", "denies": 1}


@pytest.mark.parametrize(
    ("more", "rows", "said"),
    [
        ("", [row("opa", X), row("opa", Y, number=2)], "Passed: opa: 1 of 1 with area==x satisfies denies==0 ("),
        (
            "",
            [row("opa", X | {"denies": 2})],
            "Failed: opa: 1 of 1 with area==x does not satisfy denies==0: denies is 2",
        ),
        ("", [row("opa", Y)], "Evidence is missing: opa: no verified evidence of this kind with area==x."),
        ("", [row("opa", {"area": "x"})], "Evidence is missing: opa: 1 of 1 does not say denies ("),
        (
            ", per: occurrence",
            [row("opa", X), row("opa", {"denies": 0}, number=2)],
            "Evidence is missing: opa: 1 of 2 does not say area (",
        ),
        (
            "",
            [row("opa", X), row("opa", X, number=2, withheld=True)],
            "Evidence is missing: opa: 1 erased, so it cannot be told whether there was more with area==x (",
        ),
        (
            ", on_empty: {outcome: not_applicable, reason: nobody asked}",
            [row("opa", Y)],
            "Not applicable: opa: no evidence of this kind with area==x, which is in order: nobody asked.",
        ),
        (
            ", fresh: {max_age: P30D}",
            [row("opa", X, age=timedelta(days=31)), row("opa", Y, number=2)],
            "Evidence is too old: opa: 1 of 1 with area==x too old to count, the limit is P30D",
        ),
    ],
)
def test_a_query_about_some_rows_says_which(more: str, rows: list[object], said: str) -> None:
    assert because(ABOUT % more, *rows).startswith(said)


def test_of_any_the_reached_outcome_speaks() -> None:
    text = "id: A\ncombine: any\nquery:\n  - {kind: opa, where: denies==0}\n  - {kind: sbom, where: analysed}\n"
    said = because(text, row("opa", {"denies": 0}))
    assert said.startswith("Passed: opa: 1 of 1")
    assert "sbom" not in said


def test_where_no_time_is_said_the_receipt_is() -> None:
    assert "received 2026-09-01T12:00:00Z" in because(OPA % "", row("opa", {"denies": 0}, age=None))


def test_the_controls_own_words_come_first() -> None:
    template = " ".join(f"{name}={{{name}}}" for name in PLACEHOLDERS)
    text = f'id: A\npassed_because: "{template}"\nquery: [{{kind: opa, where: denies==0}}]\n'
    rows = [row("opa", {"denies": 0}, number=number, age=timedelta(hours=number)) for number in (1, 2)]
    assert because(text, *rows).startswith(
        "n=2 population=2 tested=2 kinds=opa signers=key ci digests=sha256:000000000000, sha256:000000000000 "
        "since=2026-09-01T10:00:00Z until=2026-09-01T11:00:00Z. Passed: opa: 2 of 2 satisfy denies==0"
    )


def test_small_words() -> None:
    assert listed(["b", "a", "b", "c", "d", "e"]) == "b, a, c and 2 more"
    assert short("sha256:" + "ab" * 32) == "sha256:abababababab"
    assert moment(AT) == "2026-09-01T12:00:00Z"
    assert group_of([]).ids == ()
    assert group_of([row("opa"), row("opa")]).ids == (evidence_id(1),)
