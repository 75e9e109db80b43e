"""Fuzzing: what every parser may do with bad bytes is give a coded error. Run in a process of its own, for its memory.

    python -m tests.support.fuzzing SECONDS [NAME]

prints {"targets": {name: {"tried", "codes"}}, "grown_mib"} or ends with the input that broke a parser.
"""

import base64
import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import EvidenceError
from tests.support.fuzz_targets import TARGETS
from tests.support.memory import peak_mebibytes

_EXAMPLES = 50  # of one turn of one target

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "sha256", "2026-13-45T00:00:00Z", "\x00", "😀" * 3, "9" * 400, "a" * 5000, "%00", "../"]),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=8,
)


def _paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401  any JSON value
    found = [here]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _paths(inner, (*here, key))
    return found


@st.composite
def mutated_json(draw: st.DrawFn, example: bytes) -> bytes:
    """A valid document with one to three members replaced, removed, repeated or nested deeply."""
    document = json.loads(example)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(_paths(document)))
        if not path:
            document = draw(_values) if draw(st.integers(0, 20)) == 0 else document
            continue
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        match draw(st.integers(0, 5)):
            case 0:
                del holder[path[-1]]
            case 1 if isinstance(holder, list):
                holder.extend(holder[:50])
            case 2:
                holder[path[-1]] = [holder[path[-1]]]
            case 3:
                holder[path[-1]] = json.loads("[" * 70 + "]" * 70)
            case _:
                holder[path[-1]] = draw(_values)
        if not isinstance(document, dict | list):
            break
    return json.dumps(document).encode("utf-8", "surrogatepass")


@st.composite
def mutated_bytes(draw: st.DrawFn, example: bytes) -> bytes:
    """A valid document with some bytes changed, cut, repeated or put in."""
    body = bytearray(example)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        to = min(len(body), at + draw(st.integers(0, 40)))
        body[at:to] = draw(st.one_of(st.binary(max_size=12), st.just(bytes(body[at:to]) * 3), st.just(b"")))
    return bytes(body)


def _inputs(examples: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    made: list[st.SearchStrategy[bytes]] = [st.binary(max_size=200)]
    for example in examples:
        made += [mutated_bytes(example)] * 2
        try:
            json.loads(example)
        except ValueError:
            continue
        made += [mutated_json(example)] * 4
    return st.one_of(made)


class Broken(Exception):
    """A parser did something else than accept or refuse."""


def _turn(name: str, target: Callable[[bytes], object], inputs: st.SearchStrategy[bytes], codes: Counter[str]) -> None:
    """A few examples of one target, from a seed of their own."""

    @seed(random.getrandbits(64))
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def attempt(body: bytes) -> None:
        try:
            target(body)
        except EvidenceError as refused:
            codes[refused.code] += 1
        except BaseException as fault:
            shown = base64.b64encode(body).decode()
            raise Broken(f"{name}: {type(fault).__name__}: {fault}\ninput (base64): {shown}") from fault
        else:
            codes["accepted"] += 1

    attempt()


def fuzz(seconds: float, only: str = "") -> dict[str, Any]:
    """Every target in turns until the time is over (each at least once). Raises Broken."""
    targets = {name: target for name, target in TARGETS.items() if only in {"", name}}
    seen: Mapping[str, Counter[str]] = {name: Counter() for name in targets}
    before = peak_mebibytes()
    until, first = time.monotonic() + seconds, True
    while first or time.monotonic() < until:
        for name, (target, examples) in targets.items():
            if not first and time.monotonic() >= until:
                break
            _turn(name, target, _inputs(examples), seen[name])
        first = False
    return {
        "targets": {name: {"tried": counted.total(), "codes": dict(counted)} for name, counted in seen.items()},
        "grown_mib": round(peak_mebibytes() - before),
    }


def main() -> None:
    """Print the figures, or what broke."""
    for name, (target, examples) in TARGETS.items():
        for example in examples:
            try:
                target(example)
            except EvidenceError as refused:
                sys.exit(f"{name}: its own example is refused: {refused.code}: {refused.message}")
    try:
        found = fuzz(float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
    except Broken:
        traceback.print_exc()
        sys.exit(1)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
