import pytest

from evidence_api.domain.kinds import COMMON, KINDS, FactType
from evidence_api.formats.documents import document_type
from evidence_api.formats.predicates import READERS, normalise
from evidence_api.formats.statement import read_statement
from tests.support import documents, statements
from tests.support.facts import assert_facts_fit

EVERY = (
    statements.provenance(),
    statements.provenance_v02(),
    statements.sbom(),
    statements.sbom(criticals=None),
    statements.test_result(),
    statements.vulns(severities=("critical", "low")),
    statements.github_checks(),
    statements.policy_decision(result="deny", reasons=("no review",), area="merge", rules=["merge.no_review"]),
    statements.release(),
    statements.statement("https://example.org/other/v1", statements.ARTIFACT, {}),
    *(
        statements.statement(found.predicate_type, documents.COMMIT_SUBJECT, found.predicate(body))
        for name, body in documents.every_document().items()
        for found in (document_type(name),)
    ),
    statements.statement("https://slsa.dev/verification_summary/v1", statements.ARTIFACT, documents.SUMMARY),
)


def test_names_are_their_keys_and_vocabularies_belong_to_words() -> None:
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.title
        for path in kind.words or {}:
            assert kind.facts[path] in {FactType.WORD, FactType.WORDS}


def test_no_kind_redefines_a_common_fact_but_the_statement_kind_repeats_its_type() -> None:
    for kind in KINDS.values():
        for path in COMMON.keys() & kind.facts.keys():
            assert kind.facts[path] is COMMON[path]


@pytest.mark.parametrize("document", EVERY, ids=lambda document: document["predicateType"])
def test_readers_say_only_what_the_table_declares(document: statements.Statement) -> None:
    normalised = normalise(read_statement(document), 1)
    assert_facts_fit(normalised.kind, normalised.facts)


def test_together_the_samples_state_every_declared_fact_of_the_underived_kinds() -> None:
    said: dict[str, set[str]] = {}
    for document in EVERY:
        normalised = normalise(read_statement(document), 1)
        said.setdefault(normalised.kind, set()).update(normalised.facts)
    for name in said.keys() - {"provenance"}:
        assert said[name] == set(KINDS[name].facts)
    assert set(KINDS["provenance"].facts) - said["provenance"] == {"started"}


def test_every_reader_is_for_an_absolute_uri_but_the_one_cosign_named_before() -> None:
    assert [one for one in READERS if ":" not in one] == ["cosign.sigstore.dev/attestation/vuln/v1"]
