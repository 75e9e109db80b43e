"""The log goes to stderr, one JSON object a line, and never holds the values of variables."""

from collections.abc import Iterator

import orjson
import pytest
import structlog

from evidence_api.cli.logs import configure_logs


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_fault_is_one_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    secret = "evs_api_" + "s" * 36
    try:
        len(secret) / 0
    except ZeroDivisionError as fault:
        structlog.get_logger("t").error("fault", request_id="r", exc_info=fault)
    shown = capsys.readouterr()
    assert shown.out == ""
    event = orjson.loads(shown.err)
    assert (event["event"], event["level"], event["request_id"]) == ("fault", "error", "r")
    assert "ZeroDivisionError: division by zero" in event["exception"]
    assert secret not in shown.err


def test_what_is_below_information_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    structlog.get_logger("t").debug("detail")
    assert capsys.readouterr().err == ""
