"""Why a verdict changed, asked over HTTP of a whole application: each factor is named, with what is other."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.change import FieldChange, definition_changes, modules_changed
from evidence_api.formats.catalog import load_catalog
from tests.support import statements
from tests.support.place import Place
from tests.web.conftest import Door, door_of

CONTROLS = """\
id: A-SBOM
query: [{kind: sbom, where: criticals==0}]
---
id: A-TESTS
query: [{kind: test_result, where: result==passed}]
---
id: A-SCAN
query: [{kind: vulns, where: criticals==0, fresh: {max_age: P30D, clock: effective}}]
"""
WHY = """query ($control: String!, $from: ID!, $to: ID, $release: ID!) {
  whyChanged(release: $release, control: $control, from: $from, to: $to) {
    control changed sentence differing moved note modules definition { path before after } release { version }
    before { outcome because assessment { treeSize } } after { outcome waiver }
    evidence { arrivedCount supersededCount erasedCount staleCount
      arrived { kind leafIndex facts } superseded { leafIndex } erased { erased } stale { kind } } } }"""


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(catalog=place.catalog({"a.yaml": CONTROLS})) as opened:
        yield opened


async def ask(door: Door, query: str, **variables: object) -> Any:  # noqa: ANN401  JSON
    answer = await door.http.post("/graphql", json={"query": query, "variables": variables})
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]


async def refusal(door: Door, **variables: object) -> str:
    answer = await door.http.post("/graphql", json={"query": WHY, "variables": variables})
    return str(answer.json()["errors"][0]["extensions"]["code"])


async def assess(door: Door) -> int:
    """Assess what is due; the size of the tree afterwards."""
    await door.application.reassessor.sweep()
    return int((await ask(door, "{checkpoint {treeSize}}"))["checkpoint"]["treeSize"])


async def test_each_factor_is_named(door: Door, place: Place) -> None:
    for one in (statements.release(), statements.provenance(), statements.sbom(), statements.vulns()):
        assert (await door.upload(one)).status_code == 201
    first = await assess(door)
    release = (await ask(door, '{release(name: "widget") {id}}'))["release"]["id"]

    async def why(control: str, start: object, end: object = None) -> Any:  # noqa: ANN401  JSON
        given = {"from": start, "to": end, "control": control, "release": release}
        return (await ask(door, WHY, **given))["whyChanged"]

    # 1. nothing happened
    same = await why("A-SBOM", first)
    assert (same["changed"], same["moved"], same["note"], same["differing"]) == (False, [], "", [])
    assert "stayed pass" in same["sentence"]
    assert same["sentence"].endswith("Nothing the control reads is other.")

    # 2. evidence arrives, and supersedes what was there
    await door.upload(statements.sbom(criticals=2))
    second = await assess(door)
    told = await why("A-SBOM", first)
    assert (told["before"]["outcome"], told["after"]["outcome"]) == ("PASS", "FAIL")
    assert told["moved"] == [["EVIDENCE"]]
    assert told["release"] == {"version": "1.0.0"}
    assert (told["evidence"]["arrivedCount"], told["evidence"]["supersededCount"]) == (1, 1)
    assert told["evidence"]["arrived"][0]["facts"]["criticals"] == 2
    assert "went from pass to fail" in told["sentence"]
    assert "evidence moved it" in told["sentence"]
    assert await why("A-SBOM", first, second) == told
    assert await why("A-SBOM", first) == told  # the same question, the same answer

    # 3. time passes
    place.clock.advance(timedelta(days=45))
    await door.upload(statements.test_result())
    third = await assess(door)
    stale = await why("A-SCAN", second, third)
    assert (stale["before"]["outcome"], stale["after"]["outcome"], stale["moved"]) == ("PASS", "STALE", [["TIME"]])
    assert [one["kind"] for one in stale["evidence"]["stale"]] == ["vulns"]
    assert (await why("A-TESTS", first, third))["moved"] == [["EVIDENCE"]]

    # 4. what is not there, and what is asked wrongly
    assert await why("A-NOBODY", first) is None
    assert await why("A-SBOM", 0) is None
    given = {"control": "A-SBOM", "release": release}
    assert await refusal(door, **given, **{"from": "yesterday"}) == "bad_standpoint"
    assert await refusal(door, **given, **{"from": third, "to": first}) == "standpoints_out_of_order"
    assert await refusal(door, **given, **{"from": 10**6}) == "as_of_beyond_head"
    stranger = await door_of(door.application, "stranger")
    async with stranger.http:
        asked = {"control": "A-SBOM", "release": release, "from": 0}
        assert (await ask(stranger, WHY, **asked))["whyChanged"] is None


async def test_another_catalog_is_named_with_what_it_says(door: Door, place: Place) -> None:
    for one in (statements.release(), statements.provenance(), statements.sbom(components=3)):
        await door.upload(one)
    first = await assess(door)
    stricter = place.catalog({"a.yaml": CONTROLS.replace("where: criticals==0}]", "where: components>=9}]", 1)}, "new")
    async with place.application(catalog=stricter) as opened:
        again = Door(opened, door.scope, door.signer, door.http)
        await door.upload(statements.test_result())
        await opened.reassessor.sweep()
        release = (await ask(again, '{release(name: "widget") {id}}'))["release"]["id"]
        given = {"from": first, "control": "A-SBOM", "release": release}
        told = (await ask(again, WHY, **given))["whyChanged"]
        assert (told["after"]["outcome"], told["moved"], told["differing"]) == (
            *("FAIL", [["CATALOG"]]),
            ["EVIDENCE", "CATALOG", "TIME"],
        )
        assert told["definition"] == [{"path": "query[0].source", "before": "criticals==0", "after": "components>=9"}]


def test_definitions_and_modules_are_compared_key_by_key() -> None:
    old, new = (load_catalog({"a.yaml": text}).controls[0] for text in (CONTROLS, CONTROLS.replace("0}]", "1}]", 1)))
    assert definition_changes(old, old) == ()
    assert definition_changes(old, new) == (FieldChange("query[0].source", "criticals==0", "criticals==1"),)
    assert FieldChange("query[0].kind", "", "sbom") in definition_changes(None, new)
    assert modules_changed({"a": "1", "b": "2"}, {"b": "3", "c": "4"}) == ("a", "b", "c")
