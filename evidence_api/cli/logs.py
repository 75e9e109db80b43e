"""Command line, the server's log: lines on stderr, JSON unless a person is looking. Stdout stays for answers.

Tracebacks are plain: the values of local variables, which may be secrets, are never written.
"""

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import Processor


def configure_logs() -> None:
    """Set the processors every logger of this process uses from now on."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if sys.stderr.isatty():
        shown: list[Processor] = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    else:
        shown = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_dumps)]
    structlog.configure(
        processors=[*shared, *shown],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),  # as it is when the line is written
        cache_logger_on_first_use=False,
    )


def _dumps(event: Any, **_: Any) -> str:  # noqa: ANN401  structlog's own types
    return orjson.dumps(event, default=str).decode()
