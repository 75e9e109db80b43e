"""RFC 9651 as others test it: what is read, what is refused, and the one way everything is written."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.structured_fields import DisplayString, Token, parse, serialise
from tests.support.conformance import cases, show_table, suite

SUITE = "structured-fields"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bare(value: Any) -> Any:  # noqa: ANN401  any value of the suite
    if not isinstance(value, dict):
        return value
    kind, content = value["__type"], value["value"]
    if kind == "binary":
        return base64.b32decode(content)
    if kind == "date":
        return EPOCH + timedelta(seconds=content)
    return Token(content) if kind == "token" else DisplayString(content)


def member(value: Any) -> Any:  # noqa: ANN401  an item or inner list of the suite
    content, parameters = value
    with_values = {key: bare(one) for key, one in parameters}
    return ([member(one) for one in content] if isinstance(content, list) else bare(content), with_values)


def structure(value: Any, kind: str) -> Any:  # noqa: ANN401  a whole field of the suite
    if kind == "item":
        return member(value)
    return [member(one) for one in value] if kind == "list" else {key: member(one) for key, one in value}


def typed(value: Any) -> Any:  # noqa: ANN401  a value whose types are compared too: True is not 1, nor "a" a token
    if isinstance(value, dict):
        return [(key, typed(one)) for key, one in value.items()]
    if isinstance(value, tuple | list):
        return [typed(one) for one in value]
    return type(value).__name__, value


def expected(test: dict[str, Any]) -> Any:  # noqa: ANN401  any structured value
    return structure(test["expected"], test["header_type"])


def read(test: dict[str, Any]) -> str:
    """Which part of a test that is read went wrong; "" for none."""
    try:
        found = parse(", ".join(test["raw"]), test["header_type"])
    except EvidenceError:
        return "" if test.get("must_fail") or test.get("can_fail") else "refused"
    if test.get("must_fail"):
        return "taken"
    if typed(found) != typed(expected(test)):
        return "read as something else"
    canonical = ", ".join(test.get("canonical", test["raw"]))
    return "" if serialise(found) == canonical else "written otherwise"


def write(test: dict[str, Any]) -> str:
    """The same, of a test that is only written."""
    try:
        written = serialise(expected(test))
    except EvidenceError:
        return "" if test.get("must_fail") or test.get("can_fail") else "not written"
    if test.get("must_fail"):
        return "written"
    return "" if [written] == test.get("canonical", [written]) else "written otherwise"


def shared_fields(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for case in cases(SUITE):
        for file in case["files"]:
            for test in json.loads((folder / file).read_text(), parse_float=Decimal):
                yield file, test


@pytest.mark.conformance
def test_every_shared_field_is_read_and_written_as_expected(capsys: pytest.CaptureFixture[str]) -> None:
    wrong, right = [], 0
    for file, test in shared_fields(suite(SUITE)):
        fault = read(test) if "raw" in test else write(test)
        right += not fault
        if fault:
            wrong.append(f"{file}: {test['name']}: {fault}")
    show_table(capsys, f"{SUITE}: right {right}, wrong {len(wrong)}, skipped 0", wrong)
    assert not wrong
    assert right > 0
