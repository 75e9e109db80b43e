"""What nobody was given or would write: positions in cursors, and text with a NUL. No field of the root fails on it."""

from typing import Any

import pytest
from graphql import GraphQLNonNull, GraphQLScalarType, get_named_type, get_nullable_type

from evidence_api.graphql import cursors
from evidence_api.graphql.cost_directives import is_page
from evidence_api.graphql.schema import build_schema
from evidence_api.use_cases.read_session import ReadSession
from tests.support.graphql_client import GraphQLClient

REQUIRED = {"vulnerability": '"CVE-2026-1"', "name": '"a"'}
POSITIONS = ("\0", "9" * 40, "-1", "x", "\u00e9~~~", "1e5", "2026-01-01T00:00:00Z~\0", "a\0b", "1.2", "1~2~3", "~", "/")
REFUSED = {"bad_cursor", "bad_text"}


def lists() -> list[str]:
    query = build_schema()._schema.query_type
    assert query is not None
    found = []
    for name, field in query.fields.items():
        if not is_page(get_named_type(field.type)):
            continue
        given = "".join(f", {one}: {value}" for one, value in REQUIRED.items() if one in field.args)
        found.append(f'{{ {name}(first: 2, after: "c"{given}) {{ pageInfo {{ endCursor }} edges {{ cursor }} }} }}')
    return found


@pytest.fixture(autouse=True)
def everybody_may(monkeypatch: pytest.MonkeyPatch) -> None:
    async def allow(_session: ReadSession, _action: str) -> None:
        return

    monkeypatch.setattr(ReadSession, "allow", allow)


async def test_no_position_is_a_fault_of_ours(client: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, faults = lists(), []
    for position in POSITIONS:
        monkeypatch.setattr(cursors, "decode_cursor", lambda *_, position=position: position)
        for query in asked:
            answer: Any = (await client.post(query)).json()
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            if not codes <= REFUSED:
                faults.append((query[:30], position, codes))
    assert len(asked) > 8
    assert faults == []


async def test_no_text_is_a_fault_of_ours(client: GraphQLClient) -> None:
    query = build_schema()._schema.query_type
    assert query is not None
    faults, asked = [], 0
    for name, field in query.fields.items():
        texts = [
            one
            for one, argument in field.args.items()
            if isinstance(kind := get_nullable_type(argument.type), GraphQLScalarType) and kind.name in {"String", "ID"}
        ]
        required = [one for one, argument in field.args.items() if isinstance(argument.type, GraphQLNonNull)]
        given = dict.fromkeys([one for one in required if one not in texts], '["a"]')
        given |= {"first": "1"} if "first" in field.args else {}
        below = " { __typename }" if not isinstance(get_named_type(field.type), GraphQLScalarType) else ""
        for text in texts:
            told = given | dict.fromkeys([one for one in required if one in texts], '"a"') | {text: r'"a\u0000b"'}
            said = ", ".join(f"{one}: {value}" for one, value in told.items())
            answer: Any = (await client.post(f"{{ {name}({said}){below} }}")).json()
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            asked += 1
            if "internal_fault" in codes or "syntax_error" in codes:
                faults.append((name, text, codes))
    assert asked > 30
    assert faults == []
