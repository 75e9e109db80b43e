"""The page auditors read says what the code does: its examples load, and its tables are complete."""

import re

import pytest

from evidence_api.domain.kinds import COMMON, KINDS
from evidence_api.domain.narrative import PLACEHOLDERS
from evidence_api.domain.verdict import Outcome
from evidence_api.formats.catalog import load_catalog
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
