"""Command line, the network: one server, one token, and its refusals as the errors they were there.

The server's `application/problem+json` carries code, detail and figures; they come out of `Client` as an
EvidenceError with the same code, so `submit` says what the server said.
"""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import orjson

from evidence_api.domain.errors import Denied, EvidenceError, Field, Refused, Undecided

_TIMEOUT = httpx.Timeout(120.0, connect=5.0)
_PACKED_FROM = 64 * 1024  # bytes; below, packing saves less than it costs
_MOST_PACKED = 50  # times; the server takes up to 100 for an attack
_MEMBERS = {"type", "title", "status", "code", "detail"}  # of RFC 9457 and ours; the rest are fields
_UNAUTHENTICATED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_TOO_MANY, _SERVER = 429, 500


class Client:
    """Speaks to one server. Use as a context manager."""

    def __init__(self, server: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=server.rstrip("/"), headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, body: bytes, subjects: Sequence[str] = ()) -> Any:  # noqa: ANN401  a JSON receipt
        """Upload one document, about these subjects ("algorithm:hex") if it is a raw one; the receipt as JSON.

        Raises what the server raised."""
        named = f"?{httpx.QueryParams({'subject': list(subjects)})}" if subjects else ""
        return self._json("POST", f"/v1/evidence{named}", body)

    def submit_batch(self, bodies: Sequence[bytes]) -> list[dict[str, Any]]:
        """Upload documents of one line each; what became of each, in order: {"status", "receipt" | "problem"}.

        Raises what the server raised for the batch as a whole."""
        response = self._send("POST", "/v1/evidence", b"\n".join(bodies), "application/x-ndjson")
        try:
            results = [orjson.loads(line) for line in response.content.splitlines()]
        except orjson.JSONDecodeError as fault:
            raise Undecided("the batch was not answered with JSON Lines", code="not_our_server") from fault
        lines = [result.get("line") if isinstance(result, dict) else None for result in results]
        if lines != list(range(1, len(bodies) + 1)):
            raise Undecided("the batch was not answered line by line", code="not_our_server")
        return results

    def exchange(self, token: str, tenant: str) -> str:
        """Give an OIDC token for an upload token, with which this client goes on. Raises what the server raised."""
        answer = self._json("POST", "/v1/token-exchange", orjson.dumps({"token": token, "tenant": tenant}))
        upload = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(upload, str):
            raise Undecided("the exchange was not answered with a token", code="not_our_server")
        self._http.headers["Authorization"] = f"Bearer {upload}"
        return upload

    def ask(self, area: str, body: bytes, subjects: Sequence[str] = ()) -> Any:  # noqa: ANN401  a JSON answer
        """Ask a policy area about an input (JSON); {"allow", "rules", "reasons", "decision", "evidence", "receipt"}.

        Raises what the server raised."""
        named = f"?{httpx.QueryParams({'subject': list(subjects)})}" if subjects else ""
        return self._json("POST", f"/v1/decide/{quote(area, safe='')}{named}", body)

    def build_pack(self, release: str) -> Any:  # noqa: ANN401  a JSON answer
        """Have a pack built for a release; {"release", "status", "json", "pdf"}, the last two paths."""
        return self._json("POST", "/v1/packs", orjson.dumps({"release": release}))

    def graphql(self, query: str, variables: dict[str, Any]) -> Any:  # noqa: ANN401  the `data` of the answer
        """Ask one query. Raises Refused with the first error's message."""
        answer = self._json("POST", "/graphql", orjson.dumps({"query": query, "variables": variables}))
        if answer.get("errors"):
            raise Refused(str(answer["errors"][0].get("message")), code="graphql")
        return answer["data"]

    def ask_graphql(self, question: Mapping[str, Any]) -> Any:  # noqa: ANN401  the `data` of the answer
        """Ask a whole GraphQL request ("query" or "documentId" …). Raises Refused with the first error."""
        answer = self._json("POST", "/graphql", orjson.dumps(question))
        if answer.get("errors"):
            raise Refused(str(answer["errors"][0].get("message")), code="graphql")
        return answer["data"]

    def get(self, path: str) -> bytes:
        """The bytes at a path. Raises what the server raised."""
        return self._send("GET", path).content

    def put_artifact(self, digest: str, path: Path) -> Any:  # noqa: ANN401  a JSON answer
        """Upload a file under its digest unless the server has it: {"digest", "size", "created"}."""
        target = f"/v1/artifacts/{digest}"
        try:
            if self._http.head(target).is_success:
                return {"digest": digest, "size": path.stat().st_size, "created": False}
            with path.open("rb") as file:
                response = self._http.put(target, content=file, headers={"Content-Length": str(path.stat().st_size)})
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise self._unreachable(fault) from fault
        if not response.is_success:
            raise refusal(response)
        return _parsed(response, target)

    def stream(self, path: str) -> Iterator[bytes]:
        """The bytes at a path, as they come. Raises what the server raised."""
        try:
            with self._http.stream("GET", path) as response:
                if not response.is_success:
                    response.read()
                    raise refusal(response)
                yield from response.iter_bytes()
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise self._unreachable(fault) from fault

    def _unreachable(self, fault: Exception) -> Undecided:
        return Undecided(f"no answer from {self._http.base_url}: {fault}", code="unreachable")

    def _json(self, method: str, path: str, body: bytes) -> Any:  # noqa: ANN401  any JSON value
        return _parsed(self._send(method, path, body), path)

    def _send(
        self, method: str, path: str, body: bytes | None = None, media_type: str = "application/json"
    ) -> httpx.Response:
        headers = {"Content-Type": media_type}
        packed = _packed(body) if body is not None else None
        if packed is not None:
            headers["Content-Encoding"] = "gzip"
        try:
            response = self._http.request(method, path, content=packed or body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise self._unreachable(fault) from fault
        if response.is_success:
            return response
        raise refusal(response)


def _parsed(response: httpx.Response, path: str) -> Any:  # noqa: ANN401  any JSON value
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as fault:
        raise Undecided(f"{path} did not answer with JSON", code="not_our_server") from fault


def _packed(body: bytes) -> bytes | None:
    """The body as gzip where that is worth it, and does not look like an attack."""
    if len(body) < _PACKED_FROM:
        return None
    packed = gzip.compress(body, compresslevel=3, mtime=0)
    return packed if len(packed) * _MOST_PACKED > len(body) > len(packed) * 1.1 else None


def refusal_of(problem: dict[str, Any]) -> EvidenceError:
    """The error a problem (RFC 9457) with our members stands for. Raises KeyError, TypeError for any other."""
    code, detail, status = str(problem["code"]), str(problem["detail"]), int(problem["status"])
    fields: dict[str, Field] = {name: value for name, value in problem.items() if name not in _MEMBERS}
    if status == _TOO_MANY or status >= _SERVER:
        return Undecided(detail, code=code, **fields)
    if status in {_UNAUTHENTICATED, _FORBIDDEN, _NOT_FOUND}:
        return Denied(detail, code=code, **fields)
    return Refused(detail, code=code, **fields)


def refusal(response: httpx.Response) -> EvidenceError:
    """The error a server's answer stands for; an answer that is not ours is Undecided `not_our_server`."""
    try:
        said = orjson.loads(response.content)
        if "errors" in said:  # GraphQL's form of the same
            said = {**said["errors"][0]["extensions"], "detail": said["errors"][0]["message"]}
        return refusal_of({**said, "status": response.status_code})
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return Undecided(f"HTTP {response.status_code} without a reason of ours", code="not_our_server")
