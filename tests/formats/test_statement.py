"""in-toto statements: strict about versions, subjects and digests."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.statement import Subject
from evidence_api.formats.statement import parse_statement, read_resource, subject_digests
from tests.support.outcomes import outcome

HEX = "0123456789abcdef" * 8


def document(**changes: Any) -> bytes:  # noqa: ANN401  any JSON
    return orjson.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"sha256": HEX[:64]}}],
            "predicateType": "https://example.com/p/v1",
            "predicate": {"x": 1},
        }
        | changes
    )


@pytest.mark.parametrize(
    ("kind", "version"), [("https://in-toto.io/Statement/v1", "v1"), ("https://in-toto.io/Statement/v0.1", "v0.1")]
)
def test_both_versions_are_read(kind: str, version: str) -> None:
    statement = parse_statement(document(_type=kind))
    assert (statement.version, statement.predicate_type) == (version, "https://example.com/p/v1")
    assert statement.subjects[0].digest == {"sha256": HEX[:64]}
    assert statement.predicate == {"x": 1}


def test_an_absent_or_null_predicate_is_empty() -> None:
    assert parse_statement(document(predicate=None)).predicate == {}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"_type": "https://in-toto.io/Statement/v2"}, "_type"),
        ({"_type": None}, "_type"),
        ({"_type": []}, "_type"),
        ({"subject": []}, "subject"),
        ({"subject": {}}, "subject"),
        ({"subject": ["x"]}, "subject[0]"),
        ({"subject": [{"name": "a"}]}, "subject[0].digest"),
        ({"subject": [{"name": "a", "digest": {}}]}, "subject[0].digest"),
        ({"subject": [{"name": 1, "digest": {"sha256": HEX[:64]}}]}, "subject[0].name"),
        ({"subject": [{"digest": {"sha256": HEX[:63]}}]}, "subject[0].digest.sha256"),
        ({"subject": [{"digest": {"sha256": HEX[:64].upper()}}]}, "subject[0].digest.sha256"),
        ({"subject": [{"digest": {"sha256": HEX[:64] + "\n"}}]}, "subject[0].digest.sha256"),
        ({"subject": [{"digest": {"sha1": HEX[:64]}}]}, "subject[0].digest.sha1"),
        ({"subject": [{"digest": {"gitCommit": HEX[:20]}}]}, "subject[0].digest.gitCommit"),
        ({"subject": [{"digest": {"sha256": 7}}]}, "subject[0].digest.sha256"),
        ({"subject": [{"digest": {"own": ""}}]}, "subject[0].digest.own"),
        ({"subject": [{"digest": {"sha256:x": "a"}}]}, "subject[0].digest.sha256:x"),
        ({"predicateType": ""}, "predicateType"),
        ({"predicateType": "no uri"}, "predicateType"),
        ({"predicateType": None}, "predicateType"),
        ({"predicate": [1]}, "predicate"),
    ],
)
def test_malformed_says_where(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_statement(document(**change))
    assert caught.value.fields["path"] == path


def test_subjects_are_bounded() -> None:
    subjects = [{"digest": {"own": "x"}}] * 100_001
    with pytest.raises(TooLarge) as caught:
        parse_statement(document(subject=subjects))
    assert (caught.value.fields["limit"], caught.value.fields["value"]) == (100_000, 100_001)


@pytest.mark.parametrize(
    ("digest", "expected"),
    [
        ({"sha256": HEX[:64]}, (f"sha256:{HEX[:64]}",)),
        ({"gitCommit": HEX[:40]}, (f"sha1:{HEX[:40]}",)),
        ({"gitCommit": HEX[:40], "sha1": HEX[:40]}, (f"sha1:{HEX[:40]}",)),
        ({"gitCommit": HEX[:64]}, (f"gitCommit:{HEX[:64]}",)),
        ({"sha512": HEX, "own": "Any-Text"}, ("own:Any-Text", f"sha512:{HEX}")),
    ],
)
def test_digests_in_index_form(digest: dict[str, str], expected: tuple[str, ...]) -> None:
    subject = read_resource({"digest": digest}, "subject[0]")
    assert subject_digests(subject) == expected


def test_a_resource_needs_a_name_a_uri_or_a_digest() -> None:
    with pytest.raises(Malformed):
        read_resource({"mediaType": "text/plain"}, "resource")
    assert read_resource({"uri": "pkg:x/y"}, "resource") == Subject("pkg:x/y", {})


@given(
    st.dictionaries(
        st.sampled_from(["_type", "subject", "predicateType", "predicate"]),
        st.none()
        | st.just("https://in-toto.io/Statement/v1")
        | st.lists(
            st.dictionaries(st.sampled_from(["name", "digest", "uri"]), st.none() | st.text(max_size=3)), max_size=3
        )
        | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    )
)
@settings(max_examples=200, deadline=None)
def test_any_document_gives_a_statement_or_a_coded_refusal(found: dict[str, Any]) -> None:
    assert outcome(lambda: parse_statement(orjson.dumps(found))) in {"ok", "malformed", "too_large"}
