"""HTTP message signatures, what is signed: a message as plain values, and the value of each component of it.

Sources: RFC 9421 sections 2.1 (fields and their parameters sf, key, bs, req, tr) and 2.2 (derived components).
A message says its target itself: who reads it from the network decides what to believe of Host and forwarding fields.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote_plus, urlsplit

from evidence_api.domain.errors import Malformed
from evidence_api.formats import structured_fields

_FOLDED = re.compile(r"[ \t]*\r?\n[ \t]+")  # obs-fold, RFC 9112 section 5.2
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SHOWN = 80

Fields = tuple[tuple[str, str], ...]  # in the order of the lines; names in any case


@dataclass(frozen=True, slots=True)
class Message:
    """A request (`method`, `target_uri`: absolute, in the form of RFC 3986) or, with a `status`, an answer, which may
    know the `request` it answers. `request_target` is that of the start line, if it is not path and query."""

    fields: Fields = ()
    method: str = ""
    target_uri: str = ""
    request_target: str = ""
    status: int | None = None
    request: "Message | None" = None
    trailers: Fields = ()

    def lines(self, name: str, *, trailers: bool = False) -> list[str]:
        """The values of a field, line by line, without the blanks around them."""
        found = self.trailers if trailers else self.fields
        return [_FOLDED.sub(" ", value).strip(" \t") for given, value in found if given.lower() == name]

    def field(self, name: str) -> str | None:
        """Its lines joined; None: there is none."""
        lines = self.lines(name)
        return ", ".join(lines) if lines else None


def component_value(message: Message, name: str, parameters: Mapping[str, Any]) -> str:
    """The value of one component identifier. Raises Malformed `component` for one that cannot be had of this message.

    Neither line breaks nor characters beyond ASCII come out (section 2.5).
    """
    value = _value(message, name, parameters)
    if not value.isascii() or not value.replace("\t", " ").isprintable():
        raise _fault(name, "has characters that no signature base holds")
    return value


def _value(message: Message, name: str, parameters: Mapping[str, Any]) -> str:
    for flag in ("req", "sf", "bs", "tr"):
        if parameters.get(flag, True) is not True:
            raise _fault(name, f"parameter {flag} is a flag")
    if "req" in parameters:  # section 2.4
        if message.status is None or message.request is None:
            raise _fault(name, "parameter req is for answers to a request")
        rest = {key: value for key, value in parameters.items() if key != "req"}
        return _value(message.request, name, rest)
    if name.startswith("@"):
        return _derived(message, name, parameters)
    return _field(message, name, parameters)


def _field(message: Message, name: str, parameters: Mapping[str, Any]) -> str:
    unknown = parameters.keys() - {"sf", "key", "bs", "tr"}
    if unknown:
        raise _fault(name, f"there is no parameter {min(unknown)[:_SHOWN]}")
    if name != name.lower():
        raise _fault(name, "names of fields are signed in lower case")
    lines = message.lines(name, trailers="tr" in parameters)
    if not lines:
        raise _fault(name, "the message has no such field")
    if "bs" in parameters:  # section 2.1.3
        if parameters.keys() & {"sf", "key"}:
            raise _fault(name, "parameter bs stands with neither sf nor key")
        return structured_fields.serialise([line.encode("latin-1", "replace") for line in lines])
    joined = ", ".join(lines)
    if "key" in parameters:  # section 2.1.2
        return _member(name, joined, parameters["key"])
    if "sf" in parameters:  # section 2.1.1
        return structured_fields.serialise(structured_fields.parse_field(joined, name))
    return joined


def _member(name: str, text: str, key: object) -> str:
    if not isinstance(key, str):
        raise _fault(name, "parameter key is a string")
    members = structured_fields.parse(text, "dictionary", name=name)
    if key not in members:
        raise _fault(name, f"it has no member {key[:_SHOWN]!r}")
    return structured_fields.serialise(members[key])


def _derived(message: Message, name: str, parameters: Mapping[str, Any]) -> str:
    if name == "@query-param":
        return _query_parameter(_parts(message, name), parameters)
    if parameters:
        raise _fault(name, f"there is no parameter {min(parameters)[:_SHOWN]}")
    if name == "@status":
        if message.status is None:
            raise _fault(name, "a request has none")
        return str(message.status)
    if name not in _OF_REQUESTS:
        raise _fault(name, "there is no such derived component")
    return _OF_REQUESTS[name](message, _parts(message, name))


def _parts(message: Message, name: str) -> SplitResult:
    if message.status is not None:
        raise _fault(name, "of an answer it needs the parameter req")
    try:
        parts = urlsplit(message.target_uri)
        _ = parts.port
    except ValueError as fault:  # a stranger may have named the host
        raise _fault(name, f"the target is no URI: {fault}") from fault
    if not parts.scheme or not parts.netloc:
        raise _fault(name, "the target is no absolute URI")
    return parts


def _authority(parts: SplitResult) -> str:
    """Section 2.2.3: normalised as RFC 9110 section 4.2.3 says."""
    host, port = parts.netloc.rpartition("@")[2].lower(), parts.port
    bare = host.rpartition(":")[0] if port is not None or host.endswith(":") else host
    return bare if port in (None, _DEFAULT_PORTS.get(parts.scheme.lower())) else f"{bare}:{port}"


def _path(parts: SplitResult) -> str:
    return parts.path or "/"


def _target(message: Message, parts: SplitResult) -> str:
    query = f"?{parts.query}" if "?" in message.target_uri else ""
    return message.request_target or f"{_path(parts)}{query}"


_OF_REQUESTS: Mapping[str, Callable[[Message, SplitResult], str]] = {
    "@method": lambda message, _: message.method,
    "@target-uri": lambda message, _: message.target_uri,
    "@authority": lambda _, parts: _authority(parts),
    "@scheme": lambda _, parts: parts.scheme.lower(),
    "@request-target": _target,
    "@path": lambda _, parts: _path(parts),
    "@query": lambda _, parts: f"?{parts.query}",
}


def _query_parameter(parts: SplitResult, parameters: Mapping[str, Any]) -> str:
    """Section 2.2.8: names and values decoded as HTML forms are, and encoded again in one way."""
    name = parameters.get("name")
    if not isinstance(name, str) or parameters.keys() != {"name"}:
        raise _fault("@query-param", "its one parameter is name")
    wanted = unquote_plus(name)
    values = [value for key, value in parse_qsl(parts.query, keep_blank_values=True) if key == wanted]
    if len(values) != 1:
        raise _fault("@query-param", f"the query has {len(values)} parameters {name[:_SHOWN]!r}, one is signed")
    return quote(values[0], safe="*").replace("~", "%7E")


def _fault(name: str, why: str) -> Malformed:
    return Malformed(f"{name[:_SHOWN]}: {why}", code="component", path=name[:_SHOWN])
