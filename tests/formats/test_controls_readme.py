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
from evidence_api.formats.where import syntax_tree
from evidence_api.formats.where_format import format_where
from tests.support.catalogs import CONTROLS, catalog_of, decide, row

OPERATORS = ("==", "!=", "<", "<=", ">", ">=")

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


TRUTHS = {"true": "matched", "false": "failed", "unknown": "unknown"}
CASES = [
    [cell.strip().strip("`").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in re.findall(r"^\| `\{.*\}` \| `[a-z_]+` \| .*$", TEXT, re.MULTILINE)
]


@pytest.mark.parametrize(("facts", "kind", "condition", "truth"), CASES)
def test_what_the_page_says_of_a_condition_is_so(facts: str, kind: str, condition: str, truth: str) -> None:
    said = {path: tuple(fact) if isinstance(fact, list) else fact for path, fact in orjson.loads(facts).items()}
    catalog = catalog_of(f"id: A\nquery:\n  - kind: {kind}\n    where: '{condition}'\n")
    rows = decide(catalog, [row(kind, said)])["A"]["queries"][0]["rows"]
    assert [name for name in TRUTHS.values() if rows[name]] == [TRUTHS[truth]]
    assert format_where(condition) == condition


def test_every_truth_is_shown_and_every_written_form_loads() -> None:
    assert {truth for *_, truth in CASES} == set(TRUTHS)
    section = TEXT.split("## Conditions")[1].split("The whole grammar")[0]
    written = re.findall(r"^\| (`.*`) \| ", section, re.MULTILINE)
    forms = [form.replace("\\|", "|") for cell in written for form in re.findall(r"`([^`]+)`", cell)]
    assert len(forms) >= 14
    for form in forms:
        syntax_tree(form)
        assert format_where(form) == form


def test_the_grammar_names_every_sign_of_the_language() -> None:
    (grammar,) = re.findall(r"```ebnf\n(.*?)```", TEXT, re.DOTALL)
    signs = ("||", "&&", "!", "(", ")", "[", "]", ",", "in", "true", "false", "null", *OPERATORS)
    assert all(f'"{sign}"' in grammar for sign in signs)
    defined = set(re.findall(r"^(\w+) +=", grammar, re.MULTILINE))
    plain = re.sub(r"\(\*.*?\*\)|\"[^\"]*\"|'[^']*'", "", grammar)
    named = {name for line in plain.splitlines() for name in re.findall(r"[a-z]+", line)}
    assert named - defined == {"fact", "number", "duration", "time", "character", "letter", "digit"}


def test_every_warning_is_listed() -> None:
    folders = (CONTROLS.parent / "tests" / "formats" / "broken_catalogs").glob("*/expected.json")
    told = [orjson.loads(path.read_bytes()) for path in folders]
    section = TEXT.split("### What is warned about")[1].split("## What a query means")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    listed = {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}
    assert listed == {one["code"] for one in told if one["severity"] == "warning"}


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
