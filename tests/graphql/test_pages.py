"""Pages read with one statement: every answer is, byte by byte, the one the general way gives."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evidence_api.domain.evidence import Checked
from evidence_api.domain.page_shape import PageAsked, PageText
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import Unsigned, Unsupported
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.reads import Reads
from tests.support.checked import VERIFIED, SteppingClock, checked, sha256_of
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import append_all, seed, small_catalog

ODD = "quote \" backslash \\ line\nfeed tab\t nul-free \x01\x1f\x7f é 漢字 🙂 \u2028 </script> %s {} '; --"
WHOLE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TENTHS = WHOLE.replace(microsecond=120000)
LAST_MICROSECOND = WHOLE.replace(year=9998, microsecond=999999)

ALL = """id evidenceId leafIndex kind predicateType mediaType status effective collected received series sources
  admissionDecision erased body { digest size mediaType } subjects { name digests }"""
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

# Documents that have a plan.
PLANNED = {
    "all": f"{{ evidence(first: 100) {{ edges {{ cursor node {{ {ALL} }} }} {PAGE} }} }}",
    "names": """query ($n: Int!, $after: String, $before: String, $last: Int) { __typename
      list: evidence(first: $n, after: $after, before: $before, last: $last) { t: __typename
        pageInfo { e: endCursor t: __typename s: startCursor p: hasPreviousPage n: hasNextPage }
        items: edges { kind: cursor __typename what: node { kind: series series: kind _: __typename
          bytes: body { t: __typename digest mediaType size d: digest } one: subjects(first: 1) { __typename digests }
          s: subjects(first: 100) { n: name d: digests } } } } }""",
    "fragments": f"""query Q {{ ...root }} fragment root on Query {{ evidence(last: 3) {{ ...page }} }}
      fragment page on EvidenceConnection {{ edges {{ ... on EvidenceEdge {{ node {{ ... on Node {{ id }} ... {{ kind }}
        ...some }} }} cursor }} ... {{ {PAGE} }} }} fragment some on Evidence {{ received body {{ ...bytes }} }}
      fragment bytes on Body {{ size }}""",
    "cursors alone": "{ evidence(first: 2) { edges { cursor } } }",
    "nothing but the type": "{ evidence(first: 2) { edges { node { __typename } } } }",
    "longest name": f"{{ evidence(first: 2) {{ edges {{ node {{ {'a' * 63}: kind }} }} }} }}",
    "two operations": f"""query A {{ evidence(first: 2) {{ edges {{ node {{ kind }} }} }} }}
      query B {{ evidence(last: 1) {{ edges {{ node {{ id }} }} {PAGE} }} }}""",
    "literals": f"""{{ evidence(first: 3, after: null, asOf: 5, filter: null) {{
      edges {{ node {{ kind }} }} {PAGE} }} }}""",
    "filter": f"""query ($f: EvidenceFilter, $n: Int = 50, $at: Int) {{ evidence(filter: $f, first: $n, asOf: $at) {{
      edges {{ cursor node {{ evidenceId status kind subjects {{ name }} }} }} {PAGE} }} }}""",
    "last of kinds": """query ($before: String) { evidence(last: 3, before: $before, filter:
      {kind: ["sbom", "test_result"], status: []}) { edges { cursor node { leafIndex kind } } } }""",
    "filter in parts": f"""query ($kinds: [String!], $subject: String) {{ evidence(first: 50, filter:
      {{kind: $kinds, subject: $subject, status: []}}) {{ edges {{ node {{ evidenceId status }} }} {PAGE} }} }}""",
}
# Documents that are close to one of those, and have none.
UNPLANNED = {
    "facts": "{ evidence(first: 5) { edges { node { kind facts } } } }",
    "directive": "query ($no: Boolean = false) { evidence(first: 5) { edges { node { kind @include(if: $no) } } } }",
    "merged": "{ evidence(first: 5) { edges { node { kind } } edges { node { series } } } }",
    "count": "{ evidence(first: 5) { edges { node { kind } } totalCount { value relation } } }",
    "two lists": "{ evidence(first: 1) { edges { node { kind } } } b: evidence(last: 1) { edges { node { kind } } } }",
    "no edges": f"{{ evidence(first: 2) {{ {PAGE} }} }}",
    "name too long": f"{{ evidence(first: 2) {{ edges {{ node {{ {'a' * 64}: kind {'a' * 63}b: id }} }} }} }}",
    "subjects by variable": """query ($n: Int = 3) { evidence(first: 5) {
      edges { node { subjects(first: $n) { name } } } } }""",
}
VARIABLES: Mapping[str, list[dict[str, Any]]] = {
    "names": [
        {"n": 1},
        {"n": 5, "after": None, "unknown": 1},
        {"n": 3, "after": "@1"},
        {"n": 3, "before": "@4"},
        {"n": 9, "after": "@1", "before": "@4"},
        {"n": 3, "after": "@last"},
        {"n": None, "last": 3},
        {"n": 2, "last": 2},
        {"n": 0},
        {"n": 101},
        {"n": 2**31},
        {"n": "5"},
        {"n": 5.0},
        {"n": True},
        {"n": 3, "after": "nonsense"},
        {"n": 3, "after": 7},
        {"n": 3, "after": "MS4wMDAwMDAwMDAwMDAwMDAwLjA"},
        {"after": "@1"},
    ],
    "filter": [
        {},
        {"f": None},
        {"f": {}, "n": 3, "at": 6},
        {"f": {"kind": ["sbom", "odd"]}},
        {"f": {"kind": []}, "n": 2},
        {"f": {"kind": ["sbom", "odd", "sbom", "test_result"], "status": []}, "n": 4},
        {"f": {"kind": ["odd", "nothing"], "release": "@release"}},
        {"f": {"status": ["UNSIGNED", "UNSUPPORTED"]}},
        {"f": {"status": []}, "at": 4},
        {"f": {"subject": "sha256:" + sha256_of("artifact")}},
        {"f": {"predicateType": "urn:example:odd"}},
        {"f": {"release": "@release"}},
        {"f": {"release": "sha256:nonsense"}},
        {"f": {"reperformance": ["PENDING"]}},
        {"f": {"subject": "a\0b"}},
        {"f": {"kind": "sbom"}},
        {"f": {"kind": ["sbom"], "nonsense": 1}},
        {"f": {"status": ["NONSENSE"]}},
        {"at": 0},
        {"at": -1},
        {"at": 1000},
        {"n": None},
    ],
    "filter in parts": [{}, {"kinds": ["sbom"]}, {"kinds": None, "subject": "sha256:" + sha256_of("other")}],
}


class GeneralReads(Reads):
    """Reads pages in sessions alone."""

    async def page_text(self, _principal: Principal, _asked: PageAsked) -> PageText | None:
        return None


class CountedReads(Reads):
    """Counts the pages it has read with one statement."""

    pages = 0

    async def page_text(self, principal: Principal, asked: PageAsked) -> PageText | None:
        page = await super().page_text(principal, asked)
        self.pages += page is not None
        return page


def odd_evidence() -> list[Checked]:
    many = tuple(Subject(f"part {number} é", {"sha256": sha256_of(str(number))}) for number in range(130))
    several = Subject(ODD, {"sha512": "ab" * 64, "sha1": "cd" * 20, "sha256": sha256_of("several")})
    made = [
        checked("odd", kind="odd", facts={"why": ODD}, sources=("commit", "other commit")),
        replace(checked("several", kind="sbom"), subjects=(several, Subject("", {"sha256": sha256_of("artifact")}))),
        replace(checked("many"), subjects=many, media_type=ODD, predicate_type=ODD),
        checked("unsigned", kind="odd", verification=Unsigned()),
        checked("unsupported", kind="sbom", verification=Unsupported("odd")),
        checked("whole"),
        checked("tenths"),
        checked("late"),
    ]
    times = {5: (WHOLE, None), 6: (TENTHS, WHOLE), 7: (LAST_MICROSECOND, TENTHS), 0: (None, LAST_MICROSECOND)}
    for place, (effective, signed) in times.items():
        normalised = replace(made[place].normalised, effective=effective, series=ODD)
        made[place] = replace(made[place], normalised=normalised, verification=replace(VERIFIED, signed_at=signed))
    return made


@pytest.fixture
async def release_id(database: Database, appender: Appender, scope: TenantScope, clock: SteppingClock) -> str:
    """A log with everything that could come out otherwise; received at a whole second, tenths and odd microseconds."""
    seeded = await seed(database, appender, scope)
    for number, one in enumerate(odd_evidence()):
        clock.advance(timedelta(microseconds=(999_980, 120_000, 1)[number % 3]))
        await append_all(appender, scope, one)
    async with database.tenant(scope) as connection:
        digest = hashlib.sha256(odd_evidence()[0].body).digest()
        erased = await connection.execute("UPDATE body SET content = NULL WHERE digest = $1", digest)
    assert erased == "UPDATE 1"
    return seeded.evidence_id("release")


async def ask(client: GraphQLClient, text: str, variables: Mapping[str, Any], operation: str | None) -> bytes:
    body = {"query": text, "variables": variables, "operationName": operation}
    return (await client.http.post("/graphql", json=body)).content


async def test_every_answer_is_the_one_the_general_way_gives(
    database: Database, scope: TenantScope, release_id: str
) -> None:
    counted = CountedReads(database, small_catalog())
    schema = build_schema()
    fast = GraphQLClient(GraphQLEndpoint(schema, counted), scope)
    general = GraphQLClient(GraphQLEndpoint(schema, GeneralReads(database, small_catalog())), scope)
    listed = await general.data("{ evidence(first: 100) { edges { cursor } } }")
    cursors = [edge["cursor"] for edge in listed["evidence"]["edges"]]
    assert len(cursors) == 11
    told = {"@1": cursors[1], "@4": cursors[4], "@last": cursors[-1], "@release": release_id}

    def filled(value: Any) -> Any:  # noqa: ANN401  any JSON value
        if isinstance(value, dict):
            return {name: filled(one) for name, one in value.items()}
        return told.get(value, value) if isinstance(value, str) else value

    for name, text in (PLANNED | UNPLANNED).items():
        for variables in VARIABLES.get(name, [{}]):
            for operation in ("A", "B") if name == "two operations" else (None,):
                before = counted.pages
                asked = filled(variables)
                answer = await ask(fast, text, asked, operation)
                assert answer == await ask(general, text, asked, operation), (name, variables)
                well = b'"errors"' not in answer
                assert (counted.pages > before) == (name in PLANNED and well), (name, variables)
    assert counted.pages > 30
