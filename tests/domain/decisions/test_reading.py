"""A decision as readers are shown it: whose word counts, which inputs it had, and the sentences made of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from evidence_api.domain.decision_words import told_difference
from evidence_api.domain.decisions.reading import (
    PENDING,
    DecisionReading,
    Reperformed,
    Standing,
    inputs_of,
    reading_of,
    reperformed,
    standing_of,
)
from evidence_api.domain.decisions.reperforming import Difference, Status
from evidence_api.domain.errors import Malformed
from tests.support import decided, statements
from tests.support.decision_examples import example
from tests.support.statements import Statement


def read(document: Statement) -> DecisionReading:
    found = reading_of(document["predicateType"], document["predicate"])
    assert found is not None
    return found


def read_as(name: str, predicate: Mapping[str, Any]) -> DecisionReading:
    found = reading_of(f"urn:evidence-api:{name}:v1", predicate)
    assert found is not None
    return found


def test_other_evidence_is_no_decision() -> None:
    made = statements.test_result()
    assert reading_of(made["predicateType"], made["predicate"]) is None


def test_the_arithmetic_says_it_where_it_can() -> None:
    reading = read(decided.rollout(2900, action="promote"))
    assert (reading.kind, reading.method, reading.producer, reading.version) == (
        "rollout-gate",
        "wald",
        "maestro",
        "1.6.0",
    )
    standing = Standing("sha256:0", Status.AGREES, "never asked", "", ())
    told = reperformed(reading, standing)
    assert (told.status, told.checked_by) == ("DISAGREES", "")
    assert [one.path for one in told.differences] == ["action"]
    assert told.sentence == (
        "Recomputed and disagrees: action is claimed as promote and comes to rollback; the canary succeeded in 2900 of "
        "3005 trials, log-likelihood ratio -58.17: reject, so roll back."
    )
    assert read(decided.drift()).method == ""


def test_of_deferred_kinds_only_the_server_can_tell() -> None:
    reading = read(decided.trust(mean=0.9))
    waiting = reperformed(reading, None)
    assert (waiting.status, waiting.differences) == (PENDING, ())
    assert waiting.sentence.startswith("Waits for the server's own check: mean is claimed as 0.9")
    standing = standing_of(
        "sha256:1",
        {
            "status": "DISAGREES",
            "reason": "the ledger stands elsewhere",
            "differences": [{"path": "prior", "claimed": {"a": 1}, "recomputed": {"a": 2}}],
        },
    )
    told = reperformed(reading, standing)
    assert told.differences == (Difference("prior", {"a": 1}, {"a": 2}),)
    assert (told.checked_by, told.explanation) == ("sha256:1", reading.result.explanation)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("AGREES", "Recomputed and agrees: it holds."),
        ("DISAGREES", "Recomputed and disagrees: x differs."),
        ("NOT_REPERFORMABLE", "Could not be recomputed: x differs."),
        (PENDING, "Waits for the server's own check: x differs."),
    ],
)
def test_each_status_has_its_sentence(status: str, sentence: str) -> None:
    assert Reperformed(status, "x differs.", "it holds").sentence == sentence


def test_inputs_are_what_is_not_derived() -> None:
    predicate = example("router-decision")
    assert inputs_of(read_as("router-decision", predicate), predicate) == predicate["inputs"]
    predicate = example("drift-watch")
    assert set(inputs_of(read_as("drift-watch", predicate), predicate)) == {"feature", "expected", "observed"}


@pytest.mark.parametrize(
    ("name", "change", "inputs"),
    [
        ("ope-report", {"episodes": None, "episodesArtifact": {"sha256": "ab" * 32}}, {"baseline", "gate"}),
        ("placement", {}, {"regions", "need"}),
    ],
)
def test_claims_are_no_inputs_even_where_nothing_could_be_derived(
    name: str, change: dict[str, object], inputs: set[str]
) -> None:
    predicate = {**example(name), **change}
    reading = read_as(name, predicate)
    assert reading.result.status == Status.NOT_REPERFORMABLE
    assert set(inputs_of(reading, predicate)) == inputs | change.keys()


@pytest.mark.parametrize("name", ["drift-watch", "slo-burn"])
def test_members_that_a_kind_does_not_define_are_shown_as_nothing(name: str) -> None:
    plain = example(name)
    said = {**plain, "inputs": {"x": 1}, "method": "magic", "card": {"chosenArm": "a"}, "note": "trust me"}
    reading = read_as(name, said)
    assert (reading.method, reading.card) == ("", None)
    assert inputs_of(reading, said) == inputs_of(read_as(name, plain), plain)


def test_values_are_told_briefly() -> None:
    assert told_difference("a", None, [True]) == "a is claimed as nothing and comes to [true]"
    assert told_difference("a", [1, "b"], {"c": 0.1 + 0.2}) == "a is claimed as [1, b] and comes to {c: 0.3}"
    assert len(told_difference("a", "x" * 500, "y" * 500)) == len("a is claimed as  and comes to ") + 160


def test_what_is_not_of_its_shape_is_refused_with_the_path() -> None:
    with pytest.raises(Malformed) as caught:
        read(decided.drift(observed=[1]))
    assert caught.value.fields["path"] == "observed"
