"""The tuning pack as people and programs get it."""

import json
from datetime import UTC, datetime

from evidence_api.domain.policy_telemetry import Counts, Hit, Overriding, ReasonCount, Telemetry, telemetry
from evidence_api.formats.policy_rules import rule_ids
from evidence_api.formats.tuning_pack import tuning_json, tuning_markdown

SINCE, UNTIL = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)


def pack() -> Telemetry:
    hits = (
        Hit("door", "", allow=True, hits=30, first=SINCE),
        Hit("door", "", allow=False, hits=20, first=SINCE),
        Hit("door", "door.late", allow=False, hits=20, first=SINCE),
    )
    before = (Hit("door", "door.late", allow=False, hits=4, first=SINCE),)
    override = Overriding("door.late", "sha256:12", UNTIL, "Ann", "Bob", "Night | shift\n# <b>", "2026-02-01T00:00:00Z")
    reasons = (ReasonCount("door", "too late | [x](http://evil)", 20),)
    counts = Counts("acme", SINCE, UNTIL, hits, before, reasons, (override,))
    return telemetry(counts, {("door", "door.late"), ("door", "door.early")}, "sha256:policy")


def test_json_has_it_all_and_the_same_bytes_each_time() -> None:
    shown = json.loads(tuning_json(pack()))
    assert tuning_json(pack()) == tuning_json(pack())
    assert shown["rules"] == [
        {
            "area": "door",
            "rule": "door.late",
            "allows": 0,
            "denies": 20,
            "share": 0.4,
            "deniedBefore": 4,
            "change": 16,
            "overridden": 1,
        }
    ]
    assert shown["neverFired"] == [{"area": "door", "rule": "door.early", "decisionsOfArea": 50}]
    assert shown["noisy"][0]["overrides"][0]["evidence"] == "sha256:12"
    assert (shown["since"], shown["until"]) == ("2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z")
    assert len(shown["lookAt"]) == 3


def test_markdown_says_what_to_look_at_first() -> None:
    text = tuning_markdown(pack())
    assert text == tuning_markdown(pack())
    assert "1. door.late denied 20 times and was overridden once" in text
    assert "| door.late | door | 20 | 0 | 40.0% | 4 | +16 |" in text
    assert "| door.early | 50 |" in text


def test_texts_of_others_stay_texts() -> None:
    text = tuning_markdown(pack())
    (row,) = [line for line in text.splitlines() if "Night" in line]
    assert row.endswith("| Night \\| shift \\# \\<b\\> |")
    assert "too late \\| \\[x\\](http://evil)" in text


def test_an_empty_period_is_a_page_too() -> None:
    nothing = telemetry(Counts("acme", SINCE, UNTIL, (), (), (), ()), (), "sha256:policy")
    text = tuning_markdown(nothing)
    assert "Nothing stands out." in text
    assert text.count("None.") == 5


def test_rule_ids_are_found_where_they_are_written() -> None:
    module = """# package evidence.policy.other
package evidence.policy.door

# "door.comment"
a := "door.late"
b := ["door.too.early", "doormat.x", "door.", "Door.X", `door.raw`, "\\"door.inner"]
"""
    below = 'package evidence.policy.door.parts\n\nc := "door.part"\n'
    found = rule_ids({"a.rego": module, "b.rego": below, "c.rego": 'package lib\n\nd := "door.no"\n'})
    assert found == {("door", "door.late"), ("door", "door.too.early"), ("door", "door.part")}
