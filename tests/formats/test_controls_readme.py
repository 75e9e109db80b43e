"""The page auditors read says what the code does: its examples load, and its tables are complete."""

import re
import textwrap
from datetime import UTC, datetime

import orjson
import pytest

from evidence_api.domain.kinds import COMMON, KINDS
from evidence_api.domain.narrative import PLACEHOLDERS
from evidence_api.domain.verdict import Outcome
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.predicates import normalise
from evidence_api.formats.predicates.junit_report import read_junit_report
from evidence_api.formats.statement import parse_statement
from tests.support.catalogs import CONTROLS

TEXT = (CONTROLS / "README.md").read_text()
WAIVERS = (CONTROLS / "waivers" / "README.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT + WAIVERS, re.DOTALL)


def test_the_examples_load_together() -> None:
    assert len(EXAMPLES) == 3
    others = "".join(
        f"---\nid: {name}\nquery: [{{kind: opa, where: denies==0}}]\n" for name in ("IG-AUT-1", "IG-VUL-2")
    )
    catalog = load_catalog({"readme.yaml": "---\n".join(EXAMPLES) + others})
    assert (len(catalog.mappings), len(catalog.waivers)) == (1, 1)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fact_of_every_kind_is_listed(kind: str) -> None:
    (line,) = re.findall(rf"^\| `{kind}` \|.*$", TEXT, re.MULTILINE)
    listed = re.findall(r"`([a-z_.]+)`", line)[1:]
    assert listed == list(KINDS[kind].facts)
    assert all(word in line for words in (KINDS[kind].words or {}).values() for word in words)


def test_outcomes_placeholders_and_common_facts_are_listed() -> None:
    assert all(f"| {outcome} | " in TEXT for outcome in Outcome)
    assert all(f"{{{name}}}" in TEXT for name in PLACEHOLDERS)
    assert all(f"`{name}`" in TEXT for name in COMMON)


def test_the_statements_of_people_are_read_as_the_page_says() -> None:
    page = textwrap.dedent(TEXT)
    (review,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (predicate_type,) = re.findall(r"--predicate-type (\S+)", page)
    subject = {"name": "app.tar.gz", "digest": {"sha256": "ab" * 32}}
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": predicate_type}
    payload = orjson.dumps(statement | {"predicate": orjson.loads(review)})
    verified = normalise(parse_statement(payload), len(payload))
    assert verified.facts["levels"] == ("ACCESS_REVIEWED", "LEAVERS_REMOVED")
    (report,) = re.findall(r"```xml\n(.*?)```", page, re.DOTALL)
    drill = read_junit_report(report.encode())
    assert (drill.facts["result"], drill.facts["configuration"]) == ("passed", ("restore-drill",))
    assert verified.effective == drill.effective == datetime(2026, 9, 1, 12, tzinfo=UTC)
