"""Rows, releases and catalogs for tests, and the engine asked directly: no pool, no processes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import regorus

from evidence_api.domain.assessment import Assessment, assessment_input, fold
from evidence_api.domain.control import Catalog
from evidence_api.domain.evidence import Fact, Release
from evidence_api.domain.facts import Row
from evidence_api.engines.files import read_texts
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.catalog_rego import compile_catalog

CONTROLS = Path(__file__).resolve().parents[2] / "controls"
AT = datetime(2026, 9, 1, 12, tzinfo=UTC)
DIGESTS = ("sha256:" + "a1" * 32, "sha256:" + "b2" * 32)
RELEASE = Release("sha256:" + "f" * 64, "payments", "2.4.0", DIGESTS, 7)


def evidence_id(number: int) -> str:
    """A different evidence id for each number."""
    return f"sha256:{number:064x}"


def row(
    kind: str,
    facts: Mapping[str, Fact] | None = None,
    *,
    number: int = 1,
    age: timedelta | None = timedelta(hours=1),
    **more: Any,  # noqa: ANN401  fields of Row
) -> Row:
    """One verified row about the first artifact, an hour old; `age` None leaves the effective time out."""
    fields: dict[str, Any] = {
        "kind": kind,
        "evidence": (evidence_id(number),),
        "subjects": DIGESTS[:1],
        "facts": dict(facts or {}),
        "signer": "key ci",
        "verified": True,
        "predicate_type": "urn:test",
        "effective": None if age is None else AT - age,
        "collected": None,
        "received": AT,
    }
    return Row(**(fields | more))


@lru_cache(maxsize=1)
def shipped_catalog() -> Catalog:
    """The catalog in controls/."""
    return load_catalog(read_texts(CONTROLS, (".yaml",)))


def catalog_of(text: str, **files: str) -> Catalog:
    """A catalog from YAML text; further files by name."""
    return load_catalog({"controls.yaml": text, **{f"{name}.yaml": more for name, more in files.items()}})


@lru_cache(maxsize=8)
def _engine(catalog: Catalog) -> Any:  # noqa: ANN401  the binding has no types
    engine = regorus.Engine()
    engine.add_policy("catalog.rego", compile_catalog(catalog))
    return engine


def decide(catalog: Catalog, rows: Sequence[Row], release: Release = RELEASE, at: datetime = AT) -> dict[str, Any]:
    """What the catalog's Rego says: control id -> {outcome, queries}."""
    engine = _engine(catalog).clone()
    engine.set_input_json(orjson.dumps(assessment_input(catalog, release, rows, at)).decode())
    answer = orjson.loads(engine.eval_query_as_json("data.evidence.catalog.verdicts"))
    value: dict[str, Any] = answer["result"][0]["expressions"][0]["value"]
    return value


def assess(catalog: Catalog, rows: Sequence[Row], release: Release = RELEASE, at: datetime = AT) -> Assessment:
    """The whole assessment of some rows."""
    return fold(
        catalog, release, rows, decide(catalog, rows, release, at), tree_size=9, at=at, policy_digest="sha256:p"
    )
