"""The one error tree: every refusal has a stable code, a sentence and the figures behind it.

EvidenceError
├── Refused            the input is bad; sending it again cannot help
│   ├── Malformed          malformed           not the format it says it is (path, line)
│   ├── TooLarge           too_large           over a bound (limit, value)
│   ├── Unsigned           unsigned            no envelope around the statement
│   ├── ZeroSignatures     zero_signatures     an envelope nobody signed
│   ├── UnknownKey         unknown_key         no registered key made the signature
│   ├── UntrustedIdentity  untrusted_identity  the signer is known but not trusted here
│   ├── BadSignature       bad_signature       the key is known and did not sign these bytes
│   ├── Expired            expired             signed outside the validity of key or certificate
│   ├── VerificationFailed (its own code)      any other verification step, by name
│   ├── Inadmissible       inadmissible        admission policy said no (rules, reasons)
│   ├── UnsupportedMedia   unsupported_media   of a type or in an encoding that is not read here
│   ├── TooSlow            body_too_slow       a body that does not arrive in the time it may take (limit, value)
│   └── Conflict           conflict            contradicts what is already recorded
├── Denied             who is asking
│   ├── Unauthenticated    unauthenticated
│   ├── Forbidden          forbidden
│   └── NotFound           not_found           absent and not-yours look the same
├── InvalidSource      a file an operator wrote does not load (file, line, column)
├── PackRejected       a pack does not prove what it says (its own code)
└── Undecided          we could not decide; trying again may help
    ├── EngineTimeout      engine_timeout
    ├── EngineMemory       engine_memory
    ├── EngineCrashed      engine_crashed
    ├── PolicyFailed       policy_failed
    ├── Overloaded         overloaded
    ├── RateLimited        rate_limited        over a rate; `retry_after` says when it may be sent again
    └── StoreUnavailable   store_unavailable
        └── Contended          contended           two transactions got in each other's way; nothing was written
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

Field: TypeAlias = str | int | float | bool | list[str] | None


class EvidenceError(Exception):
    """Base of the tree. `code` is stable for ever; `fields` carries path, line, limit, value."""

    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None, **fields: Field) -> None:
        """Keep the sentence for people, the code and the fields for programs."""
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.fields: dict[str, Field] = fields


class Refused(EvidenceError):
    """The input is bad; sending it again cannot help."""

    default_code = "refused"


class Malformed(Refused):
    """Not the format it claims to be; `path` or `line` says where."""

    default_code = "malformed"


class TooLarge(Refused):
    """Over a bound; `limit` and `value` say which and by how much."""

    default_code = "too_large"


class Unsigned(Refused):
    """A statement without an envelope, where a signature is required."""

    default_code = "unsigned"


class ZeroSignatures(Refused):
    """An envelope whose list of signatures is empty."""

    default_code = "zero_signatures"


class UnknownKey(Refused):
    """No key registered for the tenant made any of the signatures."""

    default_code = "unknown_key"


class UntrustedIdentity(Refused):
    """A good certificate whose identity no trust rule of the tenant names."""

    default_code = "untrusted_identity"


class BadSignature(Refused):
    """The named key is registered and did not sign these bytes."""

    default_code = "bad_signature"


class Expired(Refused):
    """Signed outside the validity period of the key or certificate."""

    default_code = "expired"


class VerificationFailed(Refused):
    """A verification step without a class of its own; the code names the step."""

    default_code = "verification_failed"


class Inadmissible(Refused):
    """Admission policy denied the evidence; `rules` and `reasons` say why."""

    default_code = "inadmissible"


class UnsupportedMedia(Refused):
    """Of a media type, or in a content encoding, that this place does not read."""

    default_code = "unsupported_media"


class TooSlow(Refused):
    """A body that does not arrive in the time it may take: `limit` in seconds, `value` the bytes that came."""

    default_code = "body_too_slow"


class Conflict(Refused):
    """Contradicts something already recorded."""

    default_code = "conflict"


class Denied(EvidenceError):
    """The caller may not do this, whatever the input."""

    default_code = "denied"


class Unauthenticated(Denied):
    """No credential, or one that is not valid (any more)."""

    default_code = "unauthenticated"


class Forbidden(Denied):
    """A valid credential without the right that is needed."""

    default_code = "forbidden"


class NotFound(Denied):
    """Absent, or another tenant's: the two are told apart nowhere."""

    default_code = "not_found"


@dataclass(frozen=True, slots=True)
class SourceFault:
    """One fault in a file an operator wrote. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """`file:line:column: code: message (hint)`, what editors can jump to."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.code}: {self.message}{hint}"


class InvalidSource(EvidenceError):
    """Catalog, policy or settings that do not load: all faults at once."""

    default_code = "invalid_source"

    def __init__(self, faults: Iterable[SourceFault]) -> None:
        """Collect the faults; the message lists them one a line."""
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class PackRejected(EvidenceError):
    """A pack does not prove what it says; the code names the check."""

    default_code = "pack_rejected"


class Undecided(EvidenceError):
    """We could not decide. Nothing was recorded; trying again may help."""

    default_code = "undecided"


class EngineTimeout(Undecided):
    """An evaluation ran over its wall-clock limit and was killed."""

    default_code = "engine_timeout"


class EngineMemory(Undecided):
    """An evaluation ran over its memory limit and was killed."""

    default_code = "engine_memory"


class EngineCrashed(Undecided):
    """The engine's process died; a new one has been started."""

    default_code = "engine_crashed"


class PolicyFailed(Undecided):
    """The policy raised an error instead of deciding."""

    default_code = "policy_failed"


class Overloaded(Undecided):
    """More waits than we promise to serve in time."""

    default_code = "overloaded"


class RateLimited(Undecided):
    """Over the rate of a tenant or a client: `retry_after` (seconds) says when the same request may be sent again."""

    default_code = "rate_limited"


class StoreUnavailable(Undecided):
    """PostgreSQL did not answer, or refused."""

    default_code = "store_unavailable"


class Contended(StoreUnavailable):
    """Two transactions got in each other's way (a deadlock, or no serial order). Nothing was written."""

    default_code = "contended"
