"""Rego worker: the process that holds the engine, and may be killed at any instruction.

Started by engines/rego_process.py as `python -m evidence_api.engines.rego_worker FD`. It reads one request
from the socket FD, answers it, and reads the next; end of file (the server is gone) ends it. The time limit
is the kernel's alarm signal with its default action, so it holds inside native code and with no help from
the server; the memory limit is the address space, so the allocator aborts. Nothing here is shared.
"""

import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import astuple, replace
from typing import Any

import orjson
import regorus

from evidence_api.domain.errors import SourceFault
from evidence_api.engines.rego_extensions import EXTENSIONS
from evidence_api.engines.rego_wire import Kind, Reply, Request, Status
from evidence_api.formats.rego_lint import Outline, lint, outline
from evidence_api.formats.rego_membership import key_memberships
from evidence_api.formats.rego_negation import differences, guarded
from evidence_api.formats.rego_results import bound_results
from evidence_api.formats.rego_source import (
    MAX_BUNDLE_BYTES,
    bound_faults,
    engine_fault,
    is_data_reference,
    nesting_fault,
    without_backtrace,
)

_GROWTH = 128 * 2**20  # kept after an answer: the process is replaced rather than let to swell
_STACK = 8 * 2**20  # endless recursion ends here, whatever the shell's limit was
_QUERY_FILE = "query"
_QUERY_HEAD = "package evidence_query\nasked if {\n"
_VALUE_OPENS = '{\n  "result": [\n    {\n      "expressions": [\n        {\n          "value": '
_VALUE_CLOSES = ',\n          "text": '


class Worker:
    """Base engines by bundle digest; each evaluation runs on a clone that is thrown away."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._engines: dict[bytes, Any] = {}
        self._size = self._baseline = _address_space()
        self._limit = 0
        self._started = 0.0

    def run(self) -> None:
        """Say that we are ready, then answer requests until the server closes the channel."""
        self._channel.sendall(Reply(Status.UNDEFINED, retire=False, cpu=0.0, body=b"").frame())
        while head := self._receive(Request.HEAD.size):
            request = Request.read(head, self._receive(sum(Request.sizes(head))))
            reply = self._answer(request)
            signal.setitimer(signal.ITIMER_REAL, 0)  # before the answer leaves: no alarm may hit the next request
            self._channel.sendall(reply.frame())

    def _receive(self, size: int) -> bytes:
        """Exactly `size` bytes, or none at the end."""
        parts = bytearray()
        while len(parts) < size:
            part = self._channel.recv(min(size - len(parts), 1 << 20))
            if not part:
                return b""
            parts += part
        return bytes(parts)

    def _answer(self, request: Request) -> Reply:
        self._engines.pop(request.forget, None)
        self._restrict(request.memory)
        retire, self._started = False, time.process_time()
        try:
            status, body = self._serve(request)
        except MemoryError:
            status, body, retire = Status.MEMORY, b"", True
        except Exception as fault:  # noqa: BLE001  whatever the binding raises is the policy's failure
            status, body = Status.FAILED, without_backtrace(str(fault)).encode()
        except BaseException as fault:  # noqa: BLE001  a panic crosses the binding as one; the engine is done for
            status, body, retire = Status.PANICKED, without_backtrace(str(fault)).encode(), True
        self._size = _address_space()
        retire |= self._size > self._baseline + _GROWTH
        return Reply(status, retire, time.process_time() - self._started, body)

    def _restrict(self, memory: int) -> None:
        """Let the address space grow by `memory` bytes from here."""
        limit = self._size + memory
        if limit != self._limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            self._limit = limit

    def _serve(self, request: Request) -> tuple[Status, bytes]:
        if request.kind is Kind.CHECK:
            signal.setitimer(signal.ITIMER_REAL, request.load_timeout)
            faults, views = examine(orjson.loads(request.bundle), request.query.decode())
            return _faulty(faults) if faults else (Status.VALUE, orjson.dumps(views))
        engine = self._engines.get(request.digest)
        if engine is None:
            signal.setitimer(signal.ITIMER_REAL, request.load_timeout)
            bundle = orjson.loads(request.bundle)
            try:
                engine = self._engines[request.digest] = load(bundle)
            except RuntimeError as fault:
                return _faulty([engine_fault(str(fault), bundle["modules"], "not_loadable")])
            self._baseline = max(self._baseline, _address_space())
            self._started = time.process_time()  # what loading took says nothing of the policy
        signal.setitimer(signal.ITIMER_REAL, request.timeout)
        answer = cover if request.kind is Kind.COVER else evaluate
        return answer(engine.clone(), request.query.decode(), request.input)


def _faulty(faults: list[SourceFault]) -> tuple[Status, bytes]:
    return Status.INVALID, orjson.dumps([astuple(fault) for fault in faults])


def load(bundle: dict[str, Any]) -> Any:  # noqa: ANN401  the binding has no types
    """A base engine with every module and the data, analysed once so that its clones are not."""
    engine = _engine()
    for file, text in bundle["modules"].items():
        engine.add_policy(file, text)
    engine.add_data_json(bundle["data"])
    engine.eval_query_as_json("true")
    return engine


def evaluate(engine: Any, query: str, input_: bytes) -> tuple[Status, bytes]:  # noqa: ANN401  no types
    """The value of the query's first expression, cut out of the engine's answer without reading it as numbers."""
    try:
        if input_:  # without it, `input` is undefined: not the same as null
            engine.set_input_json(input_.decode())
    except (RuntimeError, UnicodeDecodeError) as fault:
        return Status.BAD_INPUT, without_backtrace(str(fault)).encode()
    answer: str = engine.eval_query_as_json(query)
    if not answer.startswith(_VALUE_OPENS):
        return Status.UNDEFINED, b""
    # Inside the value every line is indented deeper, so the first such line closes it.
    return Status.VALUE, answer[len(_VALUE_OPENS) : answer.index(_VALUE_CLOSES)].encode()


def cover(engine: Any, query: str, input_: bytes) -> tuple[Status, bytes]:  # noqa: ANN401  no types
    """The value (null: undefined), and the lines of each module that the evaluation reached or passed by."""
    engine.set_enable_coverage(True)
    status, value = evaluate(engine, query, input_)
    if status not in {Status.VALUE, Status.UNDEFINED}:
        return status, value
    report = orjson.loads(engine.get_coverage_report_as_json())
    files = {
        one["path"]: {"covered": one["covered"], "not_covered": one["not_covered"]}
        for one in report["files"]
        if one["path"]  # the query itself has none
    }
    return Status.VALUE, b'{"value":%s,"files":%s}' % (value or b"null", orjson.dumps(files))


def check(bundle: dict[str, Any], query: str) -> list[SourceFault]:
    """Every fault of a bundle: bounds on the text, then syntax, then calls, then the engine's own analysis."""
    return examine(bundle, query)[0]


def examine(bundle: dict[str, Any], query: str) -> tuple[list[SourceFault], dict[str, str]]:
    """The faults that `check` gives, and the modules that the engine shall read otherwise than they are written."""
    modules: dict[str, str] = bundle["modules"]
    if faults := list(bound_faults(modules)):
        return faults, {}
    if query and not is_data_reference(query):
        if fault := nesting_fault(_QUERY_FILE, query):
            return [fault], {}
        modules = modules | {_QUERY_FILE: _QUERY_HEAD + query + "\n}"}
    outlines: list[Outline] = []
    negations: list[SourceFault] = []
    views: dict[str, str] = {}
    for file, text in modules.items():
        try:
            tree = _tree(file, text)
            outlines.append(outline(file, text.encode(), tree))
            if file != _QUERY_FILE and not bundle.get("as_written"):
                negations += key_memberships(file, text.encode(), tree)
                view, read, found = _view(file, text, tree)
                negations += found
                if not found:
                    view = _turned(view, read, outlines[-1])
                views |= {} if view == text else {file: view}
        except RecursionError:
            faults.append(SourceFault(file, 1, 1, "nesting", "an expression of several hundred parts: split it up"))
        except (RuntimeError, ValueError) as fault:
            faults.append(engine_fault(str(fault), {file: text}))
    faults = faults or lint(outlines) or list(_analysis_faults(bundle)) or negations
    if views and not faults:
        faults = list(_analysis_faults(bundle | {"modules": bundle["modules"] | views}))
    placed = [replace(fault, line=max(1, fault.line - 2)) if fault.file == _QUERY_FILE else fault for fault in faults]
    return placed, views


def _view(file: str, text: str, tree: dict[str, Any]) -> tuple[str, dict[str, Any], list[SourceFault]]:
    """A module as the engine shall read it (formats/rego_negation.py), its tree, and what of it cannot be said so."""
    source = text.encode()
    view, faults, prefix = guarded(file, source, tree)
    if faults or view == source:
        return text, tree, faults
    try:
        read = _tree(file, view.decode())
    except RuntimeError:  # the guards do not parse: nothing is evaluated that OPA may decide otherwise
        read = {}
    return view.decode(), read, differences(file, source, (tree, read), prefix)


def _turned(text: str, tree: dict[str, Any], module: Outline) -> str:
    """A module with the results of added builtins bound as the engine can (formats/rego_results.py)."""
    size = len(module.package)
    own = {path[size] for path, _ in module.functions if path[:size] == module.package}
    return bound_results(text.encode(), tree, frozenset({"data", *module.aliases, *own})).decode()


def _analysis_faults(bundle: dict[str, Any]) -> Iterable[SourceFault]:
    """What the engine says of the modules together: unsafe variables, conflicting defaults, data that clashes."""
    try:
        load(bundle)
    except RuntimeError as fault:
        yield engine_fault(str(fault), bundle["modules"], "not_loadable")


def _tree(file: str, text: str) -> dict[str, Any]:
    """The engine's syntax tree of one module."""
    engine = _engine()
    engine.add_policy(file, text)
    listing = engine.get_ast_as_json()
    try:
        parsed = orjson.loads(listing)
    except orjson.JSONDecodeError:  # numbers past a double, or nesting past 1,024: the slower reader decides
        parsed = json.loads(listing)
    tree: dict[str, Any] = parsed[0]["ast"]
    return tree


def _engine() -> Any:  # noqa: ANN401  the binding has no types
    engine = regorus.Engine()
    engine.set_policy_length_config(
        max_col=MAX_BUNDLE_BYTES, max_file_bytes=MAX_BUNDLE_BYTES, max_lines=MAX_BUNDLE_BYTES
    )
    engine.set_gather_prints(True)
    for name, (arity, function) in EXTENSIONS.items():
        engine.add_extension(name, arity, function)
    return engine


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not say (limits then count from nought)."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as statm:  # noqa: PTH123  once an evaluation: no Path
            return int(statm.read(64).split()[0]) * _PAGE
    except OSError:
        return 0


_PAGE = os.sysconf("SC_PAGESIZE")


def main(arguments: list[str]) -> None:
    """Serve the socket whose descriptor is the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle: it closes the channel
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (_STACK if hard < 0 else min(_STACK, hard), hard))
    with socket.socket(fileno=int(arguments[0])) as channel:
        Worker(channel).run()


if __name__ == "__main__":
    main(sys.argv[1:])
