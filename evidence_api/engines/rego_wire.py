"""The wire between the Rego pool and its workers: one framed request, one framed reply, never two at a time.

Request: a fixed head, then the bundle (JSON, only when this worker does not hold it yet), the query (UTF-8)
and the input (JSON bytes, passed on as they are). Reply: a fixed head, then a body that `Status` explains.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

NO_DIGEST = bytes(32)


class Kind(IntEnum):
    """What is asked of the worker."""

    EVALUATE = 1
    CHECK = 2
    COVER = 3


class Status(IntEnum):
    """How the worker answered; what the body holds."""

    VALUE = 1  # the value, JSON; for COVER {"value", "files": {file: {"covered": lines, "not_covered": lines}}};
    # for CHECK the modules that the engine shall read otherwise than written: {file: text}
    UNDEFINED = 2  # nothing
    FAILED = 3  # the policy's error, text
    INVALID = 4  # faults of the source, JSON list of [file, line, column, code, message, hint]
    BAD_INPUT = 5  # the input is no JSON, text
    MEMORY = 6  # nothing: memory ran out where it could still be said
    PANICKED = 7  # the engine's panic, text


@dataclass(frozen=True, slots=True)
class Request:
    """One question. Times in seconds, memory in bytes; `forget` is a bundle digest to drop (or NO_DIGEST)."""

    kind: Kind
    digest: bytes
    forget: bytes
    load_timeout: float
    timeout: float
    memory: int
    bundle: bytes
    query: bytes
    input: bytes

    HEAD = struct.Struct("!B32s32sddQIII")

    def frame(self) -> bytes:
        """The bytes of the request."""
        head = self.HEAD.pack(
            self.kind,
            self.digest,
            self.forget,
            self.load_timeout,
            self.timeout,
            self.memory,
            len(self.bundle),
            len(self.query),
            len(self.input),
        )
        return b"".join((head, self.bundle, self.query, self.input))

    @classmethod
    def sizes(cls, head: bytes) -> tuple[int, int, int]:
        """Bytes of bundle, query and input that follow a head."""
        *_, bundle, query, input_ = cls.HEAD.unpack(head)
        return bundle, query, input_

    @classmethod
    def read(cls, head: bytes, body: bytes) -> Self:
        """The request of a head and the whole of what follows it."""
        kind, digest, forget, load_timeout, timeout, memory, bundle, query, _ = cls.HEAD.unpack(head)
        middle = bundle + query
        return cls(
            Kind(kind), digest, forget, load_timeout, timeout, memory,
            body[:bundle], body[bundle:middle], body[middle:],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `retire` asks to be replaced: the process has grown, or its engine can no longer be trusted.
    `cpu` is the processor time used, seconds."""

    status: Status
    retire: bool
    cpu: float
    body: bytes

    HEAD = struct.Struct("!B?dQ")

    def frame(self) -> bytes:
        """The bytes of the reply."""
        return self.HEAD.pack(self.status, self.retire, self.cpu, len(self.body)) + self.body
