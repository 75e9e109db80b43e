"""What became of a call: "ok", or the code it was refused with. Anything else it raises is a fault of ours."""

from collections.abc import Callable

from evidence_api.domain.errors import Refused


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except Refused as fault:
        return fault.code
    return "ok"
