from itertools import permutations

from evidence_api.domain.digest import canonical
from evidence_api.domain.statement import Subject
from evidence_api.formats.reproducible_build import (
    Build,
    Reproduction,
    build_of,
    compare_builds,
    reproduction_predicate,
)
from evidence_api.formats.statement import read_statement
from tests.support import statements
from tests.support.drifts import evidence_id

SOURCE = "sha1:" + "c0" * 20


def build(name: str, *outputs: tuple[str, str], source: str = SOURCE, builder: str = "") -> Build:
    """`outputs` are (name, sha256)."""
    subjects = tuple(Subject(output, {"sha256": digest}) for output, digest in outputs)
    return Build(
        evidence_id(name), builder or f"https://{name}.example/builder", "https://b.example/t", (source,), subjects
    )


def only(*builds: Build) -> Reproduction:
    (found,) = compare_builds(builds)
    return found


def test_two_builders_agree_or_differ() -> None:
    same = only(build("one", ("a", "11")), build("other", ("a", "11")))
    assert (same.status, same.matching, same.mismatched, same.alone) == ("reproduced", ("a",), (), ())
    other = only(build("one", ("a", "11"), ("b", "22")), build("other", ("a", "11"), ("b", "23")))
    assert (other.status, other.matching, other.mismatched) == ("differs", ("a",), ("b",))


def test_the_same_bytes_under_another_name_are_the_same_output() -> None:
    assert only(build("one", ("a.tar", "11")), build("other", ("b.tar", "11"))).status == "reproduced"


def test_outputs_that_nobody_else_built_leave_it_partial() -> None:
    found = only(build("one", ("a", "11"), ("extra", "22")), build("other", ("a", "11")))
    assert (found.status, found.matching, found.alone) == ("partial", ("a",), ("extra",))


def test_one_builder_however_often_and_in_whatever_version_is_single() -> None:
    versions = [build(tag, ("a", tag), builder=f"https://b.example/w.yml@refs/tags/{tag}") for tag in ("11", "12")]
    assert [one.status for one in compare_builds(versions)] == ["single"]
    assert only(versions[0]).status == "single"


def test_builds_of_other_sources_are_not_compared() -> None:
    other = "sha1:" + "d0" * 20
    found = compare_builds([build("one", ("a", "11")), build("other", ("a", "12"), source=other)])
    assert [(one.status, one.builds[0].sources) for one in found] == [("single", (SOURCE,)), ("single", (other,))]


def test_the_order_of_the_builds_does_not_matter() -> None:
    builds = [build("one", ("a", "11")), build("two", ("a", "11")), build("three", ("a", "12"), ("b", "2"))]
    assert len({canonical(reproduction_predicate(only(*order))) for order in permutations(builds)}) == 1


def test_provenance_without_a_source_or_of_another_kind_is_no_build() -> None:
    read = build_of(read_statement(statements.provenance(commit=SOURCE)), evidence_id("one"))
    assert read is not None
    assert (read.builder, SOURCE in read.sources, len(read.subjects)) == (statements.BUILDER, True, 1)
    assert build_of(read_statement(statements.sbom()), evidence_id("one")) is None
    broken = statements.provenance()
    broken["predicate"]["buildDefinition"] = 1
    assert build_of(read_statement(broken), evidence_id("one")) is None
    sourceless = statements.provenance()
    sourceless["predicate"]["buildDefinition"]["resolvedDependencies"] = []
    assert build_of(read_statement(sourceless), evidence_id("one")) is None
