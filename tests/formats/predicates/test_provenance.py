from datetime import UTC, datetime
from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import normalise
from evidence_api.formats.predicates.build_source import ref_of, repository_of
from evidence_api.formats.statement import read_statement
from tests.support import statements

V01, V02, V1 = (f"https://slsa.dev/provenance/{version}" for version in ("v0.1", "v0.2", "v1"))
ONE, TWO = "11" * 20, "22" * 20


def read(predicate_type: str, predicate: dict[str, Any]) -> Normalised:
    return normalise(read_statement(statements.statement(predicate_type, statements.ARTIFACT, predicate)), 1)


def v1(dependencies: list[dict[str, Any]] | None, parameters: dict[str, Any] | None = None) -> Normalised:
    definition = {"buildType": "t", "externalParameters": parameters, "resolvedDependencies": dependencies}
    return read(V1, {"buildDefinition": definition, "runDetails": {"builder": {"id": "b"}, "metadata": None}})


def test_v1_names_its_commit() -> None:
    read_back = normalise(read_statement(statements.provenance()), 1)
    assert read_back.sources == (statements.COMMIT,)
    assert read_back.facts["source.digest"] == statements.COMMIT
    assert read_back.facts["source.uri"] == statements.REPOSITORY
    assert read_back.facts["source.ref"] == "refs/tags/v1.0.0"
    assert read_back.effective == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert read_back.series == statements.BUILDER


def test_v02_names_its_commit_and_no_dependency() -> None:
    read_back = normalise(read_statement(statements.provenance_v02()), 1)
    assert read_back.sources == (statements.COMMIT,)
    assert read_back.facts["materials"] == 2
    assert read_back.facts["source.ref"] == "refs/heads/main"


def test_what_is_absent_or_null_is_unknown() -> None:
    read_back = v1(None)
    assert read_back.facts == {"builder": "b", "build_type": "t", "version": "v1"}
    assert (read_back.effective, read_back.sources) == (None, ())
    read_back = read(V02, {"builder": {"id": "b"}, "buildType": "t", "invocation": None, "metadata": None})
    assert read_back.facts == {"builder": "b", "build_type": "t", "version": "v0.2"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"workflow": {"repository": "https://example.org/o/r"}},
        {"source": "git+https://example.org/o/r@refs/heads/main"},
        {"source": {"uri": "https://example.org/o/r.git"}},
        {"source": {"artifact": {"uri": "git+https://example.org/o/r/"}}},
        {"buildConfigSource": {"repository": "git+https://example.org/o/r"}},
    ],
)
def test_v1_takes_the_dependency_of_the_repository_named(parameters: dict[str, Any]) -> None:
    dependencies = [
        {"uri": "git+https://example.org/o/library@v2", "digest": {"gitCommit": TWO}},
        {"uri": "git+https://example.org/o/r@refs/heads/main", "digest": {"gitCommit": ONE}},
        {"uri": "pkg:docker/python", "digest": {"sha256": "ab" * 32}},
    ]
    assert v1(dependencies, parameters).sources == (f"sha1:{ONE}",)


def test_v1_takes_the_only_commit_and_guesses_among_several_never() -> None:
    image = {"uri": "pkg:docker/python", "digest": {"sha256": "ab" * 32}}
    first = {"uri": "git+https://example.org/a", "digest": {"gitCommit": ONE}}
    second = {"uri": "git+https://example.org/b", "digest": {"gitCommit": TWO}}
    assert v1([image, first]).sources == (f"sha1:{ONE}",)
    assert v1([first, second]).sources == ()
    assert v1([image]).sources == ()


def test_v1_takes_no_digest_from_the_parameters() -> None:
    asked = {"source": {"uri": "git+https://example.org/a", "digest": {"gitCommit": ONE}}}
    assert v1([], asked).sources == ()


def test_v02_takes_config_source_then_materials_of_the_same_repository() -> None:
    source = {"uri": "git+https://example.org/a@refs/heads/main", "digest": {"sha1": ONE}}
    predicate = {
        "builder": {"id": "b"},
        "buildType": "t",
        "invocation": {"configSource": source},
        "materials": [
            {"uri": "git+https://example.org/a@other", "digest": {"sha1": TWO}},
            {"uri": "git+https://example.org/c", "digest": {"sha1": "33" * 20}},
            {"uri": "https://example.org/image"},
        ],
    }
    assert read(V02, predicate).sources == (f"sha1:{ONE}", f"sha1:{TWO}")
    assert read(V02, {**predicate, "invocation": {"configSource": {}}}).sources == ()


def test_v01_reads_recipes() -> None:
    material = {"uri": "https://example.org/a", "digest": {"sha1": ONE}}
    other = {"uri": "https://example.org/b", "digest": {"sha1": TWO}}
    predicate: dict[str, Any] = {"builder": {"id": "b"}, "recipe": {"type": "t"}, "materials": [material]}
    assert read(V01, predicate).sources == (f"sha1:{ONE}",)
    both = {**predicate, "materials": [material, other]}
    assert read(V01, both).sources == ()
    assert read(V01, {**both, "recipe": {"definedInMaterial": 1}}).sources == (f"sha1:{TWO}",)
    with pytest.raises(Malformed) as caught:
        read(V01, {**both, "recipe": {"definedInMaterial": 2}})
    assert caught.value.fields["path"] == "predicate.recipe.definedInMaterial"


@pytest.mark.parametrize(
    ("predicate_type", "predicate", "path"),
    [
        (V1, {"runDetails": {"builder": {"id": "b"}}, "buildDefinition": {}}, "predicate.buildDefinition.buildType"),
        (V1, {"buildDefinition": {"buildType": "t"}, "runDetails": {"builder": {}}}, "predicate.runDetails.builder.id"),
        (V02, {"builder": {"id": 1}, "buildType": "t"}, "predicate.builder.id"),
        (V02, {"builder": {"id": "b"}, "buildType": "t", "materials": {}}, "predicate.materials"),
        (
            V02,
            {"builder": {"id": "b"}, "buildType": "t", "materials": [{"uri": "u", "digest": {"sha1": "ab"}}]},
            "predicate.materials.0.digest.sha1",
        ),
        (
            V02,
            {"builder": {"id": "b"}, "buildType": "t", "metadata": {"buildStartedOn": "today"}},
            "predicate.metadata.buildStartedOn",
        ),
    ],
)
def test_refusals_say_where(predicate_type: str, predicate: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(predicate_type, predicate)
    assert caught.value.fields["path"] == path


def test_a_dependency_is_a_resource_descriptor() -> None:
    with pytest.raises(Malformed):
        v1([{"downloadLocation": "https://example.org/x"}])
    with pytest.raises(Malformed):
        v1([{"uri": "u", "digest": {"sha256": "abc123"}}])


@pytest.mark.parametrize(
    ("uri", "repository", "ref"),
    [
        ("git+https://github.com/o/r@refs/heads/main", "https://github.com/o/r", "refs/heads/main"),
        ("https://github.com/o/r.git", "https://github.com/o/r", ""),
        ("git+ssh://git@github.com/o/r@v1", "ssh://git@github.com/o/r", "v1"),
        ("github.com/o/r/", "github.com/o/r", ""),
        ("", "", ""),
    ],
)
def test_repository_and_ref(uri: str, repository: str, ref: str) -> None:
    assert (repository_of(uri), ref_of(uri)) == (repository, ref)
