"""Who has this package: components and the releases that hold them, over GraphQL."""

from collections.abc import Sequence
from typing import Any

from tests.support import statements
from tests.web.conftest import Door

OLD, NEW, OTHER = (f"sha256:{letter * 64}" for letter in "abc")
ASKED = """query ($purl: String, $name: String, $asOf: Int) {
  components(purl: $purl, name: $name, first: 10, asOf: $asOf) {
    edges { node { package version licence releases(first: 10) { edges { node { name version } } } } }
  }
}"""


async def ask(door: Door, **variables: object) -> Any:  # noqa: ANN401  JSON
    answer = await door.http.post("/graphql", json={"query": ASKED, "variables": variables})
    return answer.json()


async def held(door: Door, **variables: object) -> list[tuple[str, str, Sequence[str]]]:
    """(package, version, releases), sorted."""
    answer = await ask(door, **variables)
    nodes = [edge["node"] for edge in answer["data"]["components"]["edges"]]
    found = []
    for node in nodes:
        releases = [f"{edge['node']['name']}@{edge['node']['version']}" for edge in node["releases"]["edges"]]
        found.append((node["package"], node["version"], releases))
    return sorted(found)


async def test_who_has_a_package(door: Door, rival: Door) -> None:
    for digest, name, version, components in (
        (OLD, "widget", "1", 2),
        (NEW, "widget", "2", 3),
        (OTHER, "gadget", "1", 1),
    ):
        await door.upload(statements.release(digest, name=name, version=version))
        await door.upload(statements.sbom(digest, components=components))
    await door.http.post("/v1/evidence", content=statements.statement_bytes(statements.sbom(OTHER, components=9)))
    await rival.upload(statements.sbom(OLD, components=9))
    await door.application.indexer.sweep()
    everybody = ["widget@1", "widget@2", "gadget@1"]
    assert await held(door, purl="pkg:pypi/Part0") == [("pkg:pypi/part0", "1.0", everybody)]
    assert await held(door, purl="pkg:pypi/part2@1.0") == [("pkg:pypi/part2", "1.0", ["widget@2"])]
    assert await held(door, purl="pkg:pypi/part2@2.0") == []
    assert await held(door, name="part1") == [("pkg:pypi/part1", "1.0", ["widget@1", "widget@2"])]
    assert await held(door, name="part1", asOf=2) == [("pkg:pypi/part1", "1.0", ["widget@1"])]
    assert await held(door, name="part8") == []  # only an unsigned SBOM names it
    assert await held(rival, name="part8") == [("pkg:pypi/part8", "1.0", [])]


async def test_source_sboms_count_for_what_was_built_from_it(door: Door) -> None:
    await door.upload(statements.release(OLD, version="1"))
    await door.upload(statements.sbom(statements.COMMIT, components=1))
    await door.upload(statements.provenance(OLD))
    await door.application.indexer.sweep()
    assert await held(door, name="part0") == [("pkg:pypi/part0", "1.0", ["widget@1"])]


async def test_what_is_asked_must_name_something(door: Door) -> None:
    for variables, code in (({}, "component_not_named"), ({"purl": "left-pad"}, "malformed")):
        answer = await ask(door, **variables)
        assert answer["errors"][0]["extensions"]["code"] == code
