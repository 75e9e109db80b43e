"""Rows as the input of the rules: only verified ones, facts of the right type, ages, samples anyone can replay."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import orjson

from evidence_api.domain.control import Query, Sample
from evidence_api.domain.evidence import Fact
from evidence_api.domain.population import ages, assessment_input, sample_of
from evidence_api.domain.where import Constant
from tests.support.catalogs import AT, DIGESTS, RELEASE, catalog_of, evidence_id, row

CATALOG = catalog_of("id: A\nquery: [{kind: opa, where: denies==0, population: {sample: {size: 2, seed: s}}}]\n")


def test_the_input_is_json_and_says_everything_the_rules_need() -> None:
    rows = [row("opa", {"denies": 0}, number=number) for number in range(3)]
    document = assessment_input(CATALOG, RELEASE, rows, AT)
    assert orjson.loads(orjson.dumps(document)) == document
    assert document["at"] == "2026-09-01T12:00:00.000000Z"
    assert document["release"]["digests"] == list(DIGESTS)
    assert document["rows"]["opa"][1] == {
        "evidence": [evidence_id(1)],
        "subjects": [DIGESTS[0]],
        "facts": {"denies": 0},
        "age": {"effective": 3600, "received": 0},
        "verified": True,
        "withheld": False,
        "signer": "key ci",
        "predicate_type": "urn:test",
    }
    assert document["rows"]["sbom"] == []
    assert len(document["samples"]["A"]["1"]) == 2
    assert "only" not in document
    assert assessment_input(CATALOG, RELEASE, rows, AT, {"B", "A"})["only"] == ["A", "B"]


def test_unverified_rows_are_shown_apart_and_withheld_ones_say_nothing() -> None:
    rows = [row("opa", {"denies": 0}, verified=False), row("opa", {"denies": 0}, number=2, withheld=True)]
    document = assessment_input(CATALOG, RELEASE, rows, AT)
    (withheld,) = document["rows"]["opa"]
    assert (withheld["withheld"], withheld["facts"], "signer" in withheld) == (True, {}, False)
    assert document["unverified"] == {"opa": [[evidence_id(1)]]}


def test_facts_of_another_type_or_unknown_to_the_kind_are_absent() -> None:
    facts: dict[str, Fact] = {"denies": "0", "rule": 1, "reasons": "x", "result": "allow", "made_up": True}
    document = assessment_input(CATALOG, RELEASE, [row("opa", facts)], AT)
    assert document["rows"]["opa"][0]["facts"] == {"result": "allow"}
    numbers: dict[str, Fact] = {"criticals": True, "highs": float("nan"), "lows": 2}
    document = assessment_input(CATALOG, RELEASE, [row("vulns", numbers)], AT)
    assert document["rows"]["vulns"][0]["facts"] == {"lows": 2}


def test_times_compare_as_text() -> None:
    facts = {"started": "2026-01-02T01:00:00+01:00", "finished": "2026-01-02T00:00:00"}
    document = assessment_input(CATALOG, RELEASE, [row("provenance", facts)], AT)
    assert document["rows"]["provenance"][0]["facts"] == {"started": "2026-01-02T00:00:00.000000Z"}


def test_ages_are_whole_seconds_rounded_up_and_no_clock_runs_ahead() -> None:
    one = row("opa", age=timedelta(seconds=10, microseconds=1), collected=AT + timedelta(minutes=5))
    assert ages(one, AT) == {"effective": 11, "collected": 0, "received": 0}
    assert "collected" not in ages(replace(one, collected=AT + timedelta(minutes=5, microseconds=1)), AT)
    elsewhere = replace(one, effective=datetime(2026, 9, 1, 13, tzinfo=timezone(timedelta(hours=2))))
    assert ages(elsewhere, AT.astimezone(UTC))["effective"] == 3600


def sampled(size: int | None, seed: str, count: int = 50) -> tuple[int, ...]:
    query = Query("opa", Constant(value=True), "true", sample=Sample(size, seed))
    return sample_of(query, [row("opa", number=number) for number in range(count)], RELEASE)


def test_a_sample_can_be_replayed_with_nothing_but_sha256() -> None:
    order = sorted(range(50), key=lambda number: hashlib.sha256(f"audit:{evidence_id(number)}".encode()).digest())
    assert sampled(5, "audit") == tuple(sorted(order[:5]))
    assert sampled(5, "release") == sampled(5, RELEASE.id)
    assert sampled(99, "audit") == sampled(None, "") == tuple(range(50))
