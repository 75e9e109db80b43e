import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import read_statement
from tests.support import statements

COUNTS = {"criticals", "highs", "mediums", "lows", "unrated"}


def read(document: statements.Statement) -> Normalised:
    return normalise(read_statement(document), 1)


def test_a_bom_without_vulnerabilities_has_no_counts() -> None:
    facts = read(statements.sbom(criticals=None)).facts
    assert facts["analysed"] is False
    assert COUNTS.isdisjoint(facts)
    assert facts["components"] == facts["with_purl"] == facts["with_hash"] == facts["with_licence"] == 2
    assert facts["licences"] == ("Apache-2.0",)


def test_an_empty_list_of_vulnerabilities_is_an_analysis() -> None:
    facts = read(statements.sbom(criticals=0)).facts
    assert facts["analysed"] is True
    assert {facts[count] for count in COUNTS} == {0}


def test_vex_is_respected() -> None:
    facts = read(statements.sbom(criticals=4, highs=1, states=("not_affected", "exploitable", "resolved"))).facts
    assert (facts["criticals"], facts["highs"]) == (2, 1)


def test_a_vex_document_counts_no_components_and_supersedes_no_bom() -> None:
    document = statements.sbom(criticals=1)
    del document["predicate"]["components"]
    vex, bom = read(document), read(statements.sbom(criticals=1))
    assert not {"components", "with_purl", "licences"} & vex.facts.keys()
    assert vex.series != bom.series
    assert read(statements.sbom(tool="syft")).series != bom.series


def test_an_invalid_bom_is_refused_with_the_path_in_the_predicate() -> None:
    document = statements.sbom()
    document["predicate"]["components"][1]["type"] = "foo"
    with pytest.raises(Malformed) as caught:
        read(document)
    assert caught.value.fields["path"] == "predicate.components.1.type"


def test_a_licence_text_in_a_name_is_cut() -> None:
    document = statements.sbom(components=1)
    document["predicate"]["components"][0]["licenses"] = [{"license": {"name": "L" * 9_000}}]
    assert read(document).facts["licences"] == ("L" * 200,)
