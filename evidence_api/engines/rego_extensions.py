"""Rego builtins that the engine lacks and a policy may want, as OPA has them: pure functions of their arguments.

Called by the engine inside the worker process, under its limits. What is raised here stops the evaluation, as the
engine's own builtin errors do.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any


def flatten(value: object) -> list[Any]:
    """Arrays within the array become its items, one level deep. Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError("array.flatten expects an array")
    return [item for one in value for item in (one if isinstance(one, list) else [one])]


def _digest(algorithm: str) -> Callable[[object], str]:
    def digest(text: object) -> str:
        return hashlib.new(algorithm, _bytes(text, algorithm), usedforsecurity=False).hexdigest()

    return digest


def _mac(algorithm: str) -> Callable[[object, object], str]:
    def mac(message: object, key: object) -> str:
        return hmac.new(_bytes(key, algorithm), _bytes(message, algorithm), algorithm).hexdigest()

    return mac


def equal(one: object, other: object) -> bool:
    """Whether two MACs are the same, in a time that does not tell where they differ. Raises TypeError."""
    return hmac.compare_digest(_bytes(one, "hmac.equal"), _bytes(other, "hmac.equal"))


def _bytes(text: object, name: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"crypto.{name} expects text")
    return text.encode()


EXTENSIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "array.flatten": (1, flatten),
    "crypto.md5": (1, _digest("md5")),
    "crypto.sha1": (1, _digest("sha1")),
    "crypto.sha256": (1, _digest("sha256")),
    "crypto.hmac.md5": (2, _mac("md5")),
    "crypto.hmac.sha1": (2, _mac("sha1")),
    "crypto.hmac.sha256": (2, _mac("sha256")),
    "crypto.hmac.sha512": (2, _mac("sha512")),
    "crypto.hmac.equal": (2, equal),
}
