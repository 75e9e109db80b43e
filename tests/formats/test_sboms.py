import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.formats import strict_json
from evidence_api.formats.predicates import READERS, normalise
from evidence_api.formats.sboms import CYCLONEDX_TYPES, SPDX_TYPES, WRAPPED_TYPE, is_sbom_type, read_sbom
from evidence_api.formats.statement import read_statement
from tests.support import sboms
from tests.support.facts import assert_facts_fit

PARTS = 40
ROOT = Path(__file__).resolve().parents[2]

MEASURE = """
import sys, time
from evidence_api.formats.predicates.sbom import normalised_sbom
from evidence_api.formats.sboms import read_sbom
from tests.support import sboms
from tests.support.memory import peak_mebibytes
read_sbom(sys.argv[1], getattr(sboms, sys.argv[2])(1))
body = getattr(sboms, sys.argv[2])(int(sys.argv[3]), full=False)
begun = time.process_time()
normalised_sbom(read_sbom(sys.argv[1], body))
print(time.process_time() - begun, peak_mebibytes())
"""


def wrapped(body: bytes) -> dict[str, Any]:
    content = base64.b64encode(body).decode()
    return {"type": "cyclonedx-xml", "mediaType": "application/vnd.cyclonedx+xml", "content": content}


def test_every_spelling_of_one_inventory_says_the_same() -> None:
    json_bom, xml_bom = sboms.cyclonedx_json(PARTS), sboms.cyclonedx_xml(PARTS)
    first = read_sbom("https://cyclonedx.org/bom", json_bom)
    assert first == read_sbom("https://cyclonedx.org/bom/v1.6", strict_json.load_object(json_bom))
    for spelling in (read_sbom(WRAPPED_TYPE, xml_bom), read_sbom(WRAPPED_TYPE, wrapped(xml_bom))):
        assert (spelling.components, spelling.edges) == (first.components, first.edges)
    spdx = read_sbom("https://spdx.dev/Document", sboms.spdx_json(PARTS))
    for one, same in zip(spdx.components, first.components[1:], strict=True):  # SPDX's first package is the subject
        assert (one.name, one.version, one.purl, one.hashes, one.licence, one.supplier) == (
            *(same.name, same.version, same.purl, same.hashes, same.licence, same.supplier),
        )
    assert spdx.edges is not None
    assert first.edges is not None
    assert len(spdx.edges) == len(first.edges)


@pytest.mark.parametrize("predicate_type", [*CYCLONEDX_TYPES, *SPDX_TYPES, WRAPPED_TYPE])
def test_what_has_a_reader_as_an_sbom_is_read_as_one(predicate_type: str) -> None:
    assert predicate_type in READERS
    assert is_sbom_type(predicate_type)


def test_other_types_are_no_sboms() -> None:
    assert not is_sbom_type("https://slsa.dev/provenance/v1")
    with pytest.raises(Malformed):
        read_sbom("https://slsa.dev/provenance/v1", {})
    with pytest.raises(Malformed):
        read_sbom(WRAPPED_TYPE, {"type": "junit", "content": ""})


@pytest.mark.parametrize("content", [None, 1, "!", "abc"])
def test_what_is_not_base64_is_refused(content: object) -> None:
    with pytest.raises(Malformed) as caught:
        read_sbom(WRAPPED_TYPE, {"type": "cyclonedx-xml", "content": content})
    assert caught.value.fields["path"] == "content"


@pytest.mark.parametrize(
    ("predicate_type", "predicate", "format_name", "series"),
    [
        ("https://spdx.dev/Document", strict_json.load_object(sboms.spdx_json(PARTS)), "spdx", "sbom:spdx:maker"),
        (WRAPPED_TYPE, wrapped(sboms.cyclonedx_xml(PARTS)), "cyclonedx", "sbom"),
    ],
)
def test_facts_are_the_same_for_every_format(
    predicate_type: str, predicate: dict[str, Any], format_name: str, series: str
) -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "product", "digest": {"sha256": "ab" * 32}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    normalised = normalise(read_statement(statement), 1)
    assert (normalised.kind, normalised.series, normalised.facts["format"]) == ("sbom", series, format_name)
    assert_facts_fit("sbom", normalised.facts)
    count = PARTS - (format_name == "spdx")
    assert [normalised.facts[f"with_{what}"] for what in ("purl", "hash", "licence")] == [count] * 3
    assert normalised.facts["components"] == count
    assert normalised.facts["licences"] == tuple(sorted(sboms.LICENCES))


@pytest.mark.parametrize(
    ("predicate_type", "maker"),
    [
        ("https://cyclonedx.org/bom", "cyclonedx_json"),
        (WRAPPED_TYPE, "cyclonedx_xml"),
        ("https://spdx.dev/Document", "spdx_json"),
    ],
)
def test_reading_takes_a_bounded_multiple_of_the_size(predicate_type: str, maker: str) -> None:
    """30,000 components within a tenth of what 300,000 may take; the bounds are several times what is measured."""
    run = [sys.executable, "-c", MEASURE, predicate_type, maker, "30000"]
    seconds, mebibytes = map(float, subprocess.run(run, check=True, capture_output=True, cwd=ROOT).stdout.split())
    assert seconds < 5
    assert mebibytes < 200
