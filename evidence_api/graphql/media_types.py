"""HTTP edge of GraphQL, negotiation: which media type answers, and whether the body's type can be read.

Source: GraphQL over HTTP draft, sections Media Types and Accept; RFC 9110 section 12.5.1.
"""

from dataclasses import dataclass

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
_RANGES = {
    JSON: (JSON, "application/*", "*/*"),
    RESPONSE_JSON: (RESPONSE_JSON,),  # wildcards go to application/json, which every client reads
}
_LONGEST_ACCEPT = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """The media type to answer with. `legacy`: the client itself named application/json, and so expects 200 for a
    document that does not run (its clients read the body of no other status)."""

    media_type: str
    legacy: bool


def negotiate(accept: str | None) -> Answer | None:
    """Read an Accept header; None if nothing we send is acceptable. Ties go to application/json."""
    if accept is None or not accept.strip():
        return Answer(JSON, legacy=False)
    best: tuple[float, str, bool] | None = None
    wanted = [_parse(part) for part in accept[:_LONGEST_ACCEPT].split(",")]
    for offer in (JSON, RESPONSE_JSON):
        for pattern in _RANGES[offer]:
            quality = max((quality for name, quality in wanted if name == pattern), default=None)
            if quality is None:
                continue
            if quality > 0 and (best is None or quality > best[0]):
                best = (quality, offer, pattern == JSON)
            break  # the most specific range that names the offer decides, also when it says no
    return None if best is None else Answer(best[1], legacy=best[2])


def is_json(content_type: str | None) -> bool:
    """Whether a body of this Content-Type is JSON in UTF-8."""
    name, parameters = _split(content_type or "")
    return name == JSON and parameters.get("charset", "utf-8") in ("utf-8", "utf8")


def _parse(part: str) -> tuple[str, float]:
    """One range of an Accept header with its quality; a charset we do not send, or a bad quality, is a no."""
    name, parameters = _split(part)
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        return name, 0.0
    if parameters.get("charset", "utf-8") not in ("utf-8", "utf8") or not 0 <= quality <= 1:
        return name, 0.0
    return name, quality


def _split(text: str) -> tuple[str, dict[str, str]]:
    name, *rest = text.split(";")
    pairs = (parameter.partition("=") for parameter in rest)
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}
