"""The worker's own answers, without a process around it."""

import signal
import socket
from typing import Any

import orjson
import pytest
import regorus

from evidence_api.domain.errors import SourceFault
from evidence_api.engines import rego_worker
from evidence_api.engines.rego_wire import NO_DIGEST, Kind, Reply, Request, Status
from evidence_api.engines.rego_worker import Worker, check, evaluate, load


def codes(*modules: str, query: str = "") -> list[tuple[str, int, int, str]]:
    faults = check({"modules": {f"{n}.rego": text for n, text in enumerate(modules)}, "data": "{}"}, query)
    return [(fault.file, fault.line, fault.column, fault.code) for fault in faults]


def test_frames_survive_the_wire() -> None:
    request = Request(Kind.EVALUATE, b"d" * 32, NO_DIGEST, 5.0, 0.25, 2**40, b"bundle", b"query", b"\x00input")
    frame = request.frame()
    head = frame[: Request.HEAD.size]
    assert sum(Request.sizes(head)) == len(frame) - len(head)
    assert Request.read(head, frame[len(head) :]) == request
    reply = Reply(Status.VALUE, retire=True, cpu=0.5, body=b"[1]")
    assert reply.frame()[Reply.HEAD.size :] == b"[1]"


class Panicked(BaseException):
    """As a panic of the engine comes through the binding."""


def test_panic_is_told_and_the_process_asks_to_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(rego_worker.Worker, "_restrict", lambda *_: None)

    def panics(*_: object) -> None:
        raise Panicked("index out of bounds")

    monkeypatch.setattr(rego_worker, "evaluate", panics)
    with ours, theirs:
        bundle = orjson.dumps({"modules": {"p.rego": "package p\nr := 1\n"}, "data": "{}"})
        answer = Worker(theirs)._answer(
            Request(Kind.EVALUATE, b"d" * 32, NO_DIGEST, 5.0, 5.0, 2**30, bundle, b"data.p.r", b"{}")
        )
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert (answer.status, answer.retire) == (Status.PANICKED, True)


def test_value_is_cut_out_whatever_it_contains() -> None:
    values: list[Any] = [{}, [], "", "a\nb", {"text": 1}, [[[{"text": ",\n"}]]], 0, None, False, 1.5]
    for value in values:
        engine = load({"modules": {"p.rego": "package p\nr := input.v"}, "data": "{}"})
        status, body = evaluate(engine.clone(), "data.p.r", orjson.dumps({"v": value}))
        assert (status, orjson.loads(body)) == (Status.VALUE, value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("r := http.send({})", [(2, 6, "banned_builtin")]),
        ("r := time.now_ns()", [(2, 6, "banned_builtin")]),
        ('r := rand.intn("x", 3)', [(2, 6, "banned_builtin")]),
        ('r := uuid.rfc4122("x")', [(2, 6, "banned_builtin")]),
        ("r := opa.runtime()", [(2, 6, "banned_builtin")]),
        ('r := net.cidr_contains("10.0.0.0/8", "10.1.1.1")', [(2, 6, "banned_builtin")]),
        ('r := net.lookup_ip_addr("example.com")', [(2, 6, "banned_builtin")]),
        ('r if print("x")', [(2, 6, "banned_builtin")]),
        ('r if trace("x")', [(2, 6, "banned_builtin")]),
        ('r := crypto.parse_private_keys("x")', [(2, 6, "lacking_builtin")]),
        ('r := crypto.new_one("x")', [(2, 6, "lacking_builtin")]),
        ('r := rego.parse_module("x")', [(2, 6, "lacking_builtin")]),
        ("r := rego.metadata.rule()", [(2, 6, "lacking_builtin")]),
        ('r := strings.render_template("x", {})', [(2, 6, "lacking_builtin")]),
        ("r := counts([1])", [(2, 6, "unknown_function")]),
        ("r := data.lib.f(1)", [(2, 6, "unknown_function")]),
        ("r := count(1, 2, 3)", [(2, 6, "arity")]),
        ("f(x) := x\n\nr := f(1, 2, 3)", [(4, 6, "arity")]),
        ("r := walk(input)", [(2, 6, "walk_never_binds")]),
        ('r if {\n\tinput.a\n\t\tnot startswith(trim(http.send({}).b, " "), "x")\n}', [(4, 23, "banned_builtin")]),
        ("r if {\n\t\tinput.a ]\n}", [(3, 11, "syntax")]),
        ('r := [x | x := time["now_ns"]()]', [(2, 16, "banned_builtin")]),
        ("r if { every x in [time.now_ns()] { x > 1 } }", [(2, 20, "banned_builtin")]),
        ("f(x) := 1\n\nr if { f(1) with f as http.send }", [(4, 23, "banned_builtin")]),
        ("r := {", [(3, 1, "syntax")]),
        ("r if x > 1", [(2, 6, "not_loadable")]),
        ("r := " + "[" * 17 + "]" * 17, [(2, 22, "nesting")]),
    ],
)
def test_faults_have_a_place_and_a_code(source: str, expected: list[tuple[int, int, str]]) -> None:
    assert codes(f"package p\n{source}\n") == [("0.rego", *place) for place in expected]


@pytest.mark.parametrize(
    "source",
    [
        'r := "http.send(1) [[[[[[[[[[[[[[[[[[[["',
        "r := `time.now_ns()\n((((((((((((((((((((`",
        "r := 1 # rand.intn(1) {{{{{{{{{{{{{{{{{{{{{",
        "count_x(y) := y\n\nr := count_x(1)",
        "count(y) := y\n\nr := count(1)",
        "http := 1\n\nr := http",
        "r := input.http.send",
        'r := {"http.send": 1}["http.send"]',
        "r contains p if walk(input, [p, _])",
        "r := n if count([1], n)",
        "f(x) := x\n\nr := n if f(1, n)",
        "default f(_) := 2\n\nr := f(1)",
        "r if { input.x with input.x as 3 }",
        "a.b.f(x) := x\n\nr := a.b.f(1)",
        "a.b.f(x) := x\n\nr := data.p.a.b.f(1)",
        "r := " + "[" * 15 + "1" + "]" * 15,
    ],
)
def test_what_only_looks_bad_is_taken(source: str) -> None:
    assert codes(f"package p\n\nimport rego.v1\n\n{source}\n") == []


def test_imports_rename_functions() -> None:
    library = "package lib.http\n\nsend(x) := x\n"
    assert codes("package p\n\nimport data.lib.http\n\nr := http.send(1)\n", library) == []
    assert codes("package p\n\nimport data.lib.http as h\n\nr := h.send(1)\n", library) == []
    assert codes("package p\n\n# ä€😀\nimport data.lib.http as time\n\nr := time.send(1)\n", library) == []
    assert codes("package p\n\nimport data.lib.http\n\nr := http.get(1)\n", library) == [
        ("0.rego", 5, 6, "unknown_function")
    ]
    assert codes("package p\n\nimport data.lib.http as h\n\nr := http.send(1)\n", library) == [
        ("0.rego", 5, 6, "banned_builtin")
    ]


def test_mock_of_a_banned_builtin_is_no_use_of_it() -> None:
    test = "package p_test\n\nfake(x) := x\n\nr if { data.p.r with http.send as fake }\n"
    assert codes("package p\n\nr := 1\n", test) == []


def test_nearest_name_is_given() -> None:
    (fault,) = check({"modules": {"a.rego": "package p\nr := startwith(input.a, input.b)"}, "data": "{}"}, "")
    assert fault == SourceFault(
        "a.rego",
        2,
        6,
        "unknown_function",
        "startwith is neither a builtin nor a function of the bundle",
        "did you mean startswith?",
    )
    (own,) = check({"modules": {"a.rego": "package p\nmicros(x) := x\nr := micro(input.a)"}, "data": "{}"}, "")
    assert own.hint == "did you mean micros?"


def test_faults_of_all_modules_come_together_and_in_order() -> None:
    found = codes("package a\nr := time.now_ns()\ns := rego.parse_module(1)\n", "package b\nr := rand.intn(1, 2)\n")
    assert [(file, line) for file, line, _, _ in found] == [("0.rego", 2), ("0.rego", 3), ("1.rego", 2)]


def test_sizes_are_bounded() -> None:
    assert codes("package p\n" + "#" * 2**20)[0][3] == "too_large"
    assert codes(*(f"package p{n}\n" + "#" * (2**20 - 40) for n in range(17)))[0][3] == "too_large"
    assert codes(*(f"package p{n}\n" for n in range(1001)))[0][3] == "too_large"
    assert codes()[0][3] == "empty"


def test_expression_of_hundreds_of_parts_is_refused_not_crashed_on() -> None:
    assert codes("package p\nr := " + " + ".join(["1"] * 900))[0][3] == "nesting"


def test_number_past_a_double_is_refused() -> None:
    assert codes("package p\nr := 1e999\n")[0][3] == "syntax"


def test_engine_still_has_the_fault_that_the_lint_refuses_walk_for() -> None:
    engine = regorus.Engine()
    engine.add_policy("p.rego", 'package p\nr contains x if { [_, x] := walk({"a": 1}) }\n')
    assert "[]" in engine.eval_rule_as_json("data.p.r")
