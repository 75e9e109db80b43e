"""Decisions to reperform: the three ways a file may hold them, and what one bad item does to the others."""

import json
from base64 import b64encode

import pytest

from evidence_api.domain.errors import Refused
from evidence_api.formats.decision_items import DecisionItem, decision_items, expected_items

ONE = {"predicateType": "urn:x", "predicate": {"n": 1}, "case": "ignored"}
OTHER = {"predicateType": "urn:y", "predicate": {"n": 2}}


def read(body: bytes | str) -> list[tuple[str, int] | str]:
    """Type and number of each, or the path of its refusal."""
    found: list[tuple[str, int] | str] = []
    for item in decision_items(body if isinstance(body, bytes) else body.encode()):
        if isinstance(item, DecisionItem):
            found.append((item.predicate_type, item.predicate["n"]))
        else:
            assert isinstance(item, Refused)
            found.append(str(item.fields["path"]))
    return found


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([ONE, OTHER]),
        json.dumps([ONE, OTHER], indent=2),
        f"{json.dumps(ONE)}\n{json.dumps(OTHER)}",
        f"\n{json.dumps(ONE)}\r\n\n  \n{json.dumps(OTHER)}\n",
    ],
)
def test_arrays_and_lines_hold_the_same(body: str) -> None:
    assert read(body) == [("urn:x", 1), ("urn:y", 2)]
    assert expected_items(body.encode()) == 2


@pytest.mark.parametrize("indent", [None, 2])
def test_one_object_is_one_decision(indent: int | None) -> None:
    assert read(json.dumps(ONE, indent=indent)) == [("urn:x", 1)]


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        ("{", "$"),
        ("7", "$"),
        ("{}", "predicateType"),
        ('{"predicateType": "urn:x", "predicate": []}', "predicate"),
        ('{"predicateType": "urn:x", "predicate": {"n": 1, "n": 2}}', "$"),
        ('{"predicateType": "urn:x", "predicate": {"n": [1, NaN]}}', "n.1"),
    ],
)
def test_one_bad_line_stops_no_other(bad: str, path: str) -> None:
    assert read(f"{json.dumps(ONE)}\n{bad}\n{json.dumps(OTHER)}") == [("urn:x", 1), path, ("urn:y", 2)]


@pytest.mark.parametrize("body", [b"", b" \n ", b"[]"])
def test_a_file_without_decisions_is_refused(body: bytes) -> None:
    assert read(body) == ["$"]
    assert expected_items(body) == 1


DEEP = '{"n": ' + "[" * 100_000
LONG = '{"predicateType": "urn:x", "predicate": {"n": ' + "1" * 5000 + "}}"


@pytest.mark.parametrize("bad", ["{", '{"predicateType": "urn:x", "pred', DEEP, LONG])
def test_a_first_line_that_is_broken_stops_no_other(bad: str) -> None:
    assert read(f"{bad}\n{json.dumps(ONE)}\n{json.dumps(OTHER)}") == ["$", ("urn:x", 1), ("urn:y", 2)]


def test_what_is_too_deep_or_too_long_to_be_read_is_refused() -> None:
    assert read(DEEP) == read(f"{DEEP}\n{{") == ["$"]
    assert read(f"[{LONG}, {json.dumps(ONE)}]") == ["$", ("urn:x", 1)]


def test_of_an_envelope_the_statement_is_taken() -> None:
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": "ab" * 32}}], **OTHER}
    payload = b64encode(json.dumps(statement).encode()).decode()
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{"sig": "AAAA"}]}
    assert read(json.dumps(envelope)) == [("urn:y", 2)]
    assert read(json.dumps({**envelope, "payload": b64encode(b"{}").decode()})) == ["_type"]
