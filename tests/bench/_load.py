"""Load for benchmarks of reads: wrk where it is installed, since a client in Python costs more than what it measures;
else tests/support/http_load.py."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.support import http_load

_OK = 200
_AT_ONCE = 2000  # requests of one go without wrk
# Sends the bodies in turn; counts answers that are no pages (every page has a member "edges").
_SCRIPT = """
local place = 0
local bodies = { %s }
function request()
  place = place %% #bodies + 1
  return wrk.format("POST", nil, nil, bodies[place])
end
failed = 0
function setup(thread) threads = threads or {}; table.insert(threads, thread) end
function response(status, headers, body)
  if status ~= 200 or not string.find(body, '"edges":[{', 1, true) then failed = failed + 1 end
end
function done(summary, latency, requests)
  local wrong = 0
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("failed") end
  local errors = summary.errors
  io.write(string.format('FIGURES{"answers":%%d,"seconds":%%f,"failed":%%d,"p50":%%f,"p99":%%f}', summary.requests,
    summary.duration / 1e6, wrong + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
"""


@dataclass(frozen=True)
class Load:
    """What a run saw. `p50` and `p99` in seconds; `failed` counts answers that were no pages."""

    answers: int
    seconds: float
    failed: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def load(  # noqa: PLR0913, PLR0917  a request, and how often
    port: int, path: str, headers: Mapping[str, str], bodies: Sequence[bytes], connections: int, seconds: float
) -> Load:
    """POST the bodies in turn over so many connections for so long."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return _without_wrk(port, path, headers, bodies, connections, seconds)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "pages.lua"
        script.write_text(_SCRIPT % ", ".join(f"[==[{body.decode()}]==]" for body in bodies))
        given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        shape = ["-t1", "--timeout", "30s", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        command = [wrk, *shape, "-s", str(script), *given]
        ran = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    return Load(**json.loads(ran.stdout.partition("FIGURES")[2]))


def _without_wrk(  # noqa: PLR0913, PLR0917  the same
    port: int, path: str, headers: Mapping[str, str], bodies: Sequence[bytes], connections: int, seconds: float
) -> Load:
    """Goes of a fixed number of requests, until the time is over."""
    prepared = [http_load.request("POST", path, body, dict(headers)) for body in bodies]
    one_go = [prepared[number % len(prepared)] for number in range(min(_AT_ONCE, max(1, int(400 * seconds))))]
    goes: list[http_load.Load] = []
    while sum(one.seconds for one in goes) < seconds:
        goes.append(uvloop.run(http_load.run(port, one_go, connections)))
    latencies = sorted(latency for one in goes for latency in one.latencies)
    statuses = sum((one.statuses for one in goes), start=goes[0].statuses.__class__())
    return Load(
        answers=len(latencies),
        seconds=sum(one.seconds for one in goes),
        failed=len(latencies) - statuses[_OK],
        p50=latencies[len(latencies) // 2],
        p99=latencies[int(len(latencies) * 0.99)],
    )
