from datetime import datetime, timedelta, timezone

import pytest

from evidence_api.domain.decisions.signing import predicate
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import EXAMPLES, Fields, kind_named, reperformed


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_producers_make_is_read_and_agrees(name: str) -> None:
    for fields in EXAMPLES[name]():
        result = reperformed(name, fields)
        if kind_named(name).need(kind_named(name).read(_whole(fields))) is None:
            assert result.status == "AGREES", result


def _whole(fields: Fields) -> Fields:
    at = datetime(2026, 11, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    return predicate(fields, producer_id="maestro", version="1.6.0", decided_at=at)


def test_the_moment_is_written_in_utc_and_the_producer_is_ours() -> None:
    made = _whole({"a": 1, "producer": "somebody else"})
    assert made == {
        "a": 1,
        "producer": {"id": "maestro", "version": "1.6.0"},
        "decidedAt": "2026-11-01T10:00:00Z",
    }


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Malformed) as refused:
        predicate({}, producer_id="maestro", version="1", decided_at=datetime(2026, 11, 1))  # noqa: DTZ001  the defect
    assert refused.value.fields["path"] == "decidedAt"
