"""Negations decide in the embedded engine as they do in OPA, whatever of the input is absent."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from evidence_api.domain.errors import InvalidSource
from evidence_api.engines.rego import RegoPool, policy_bundle
from evidence_api.engines.rego_worker import examine
from tests.support import opa

RULES = 60
INPUTS = 25
HEAD = """package n
same(x) := x
large(x) := x if x > 5
both(x, y) := [x, y] if x != 3
scalar := input.b
pair := {"k": input.c, "l": input.d}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rego() -> AsyncIterator[RegoPool]:
    async with RegoPool(timeout=10.0) as pool:
        yield pool


@pytest.mark.parametrize(
    ("body", "given", "decides"),
    [
        ('not startswith(input.path, "server/")', {}, False),
        ('not startswith(input.path, "server/")', {"path": "web/"}, True),
        ('not startswith(input.path, "server/")', {"path": "server/"}, False),
        ("not input.a in {1}", {}, False),
        ("not 1 in input.a", {}, False),
        ("not input.a < 1", {}, False),
        ("not input.a != 1", {}, False),
        ("not input.a == 1", {}, True),
        ("not input.a == input.b", {}, True),
        ("not input.a", {}, True),
        ("not input.a[input.b]", {"a": {"x": 1}}, False),
        ("not input.a[input.b]", {"a": {"x": 1}, "b": "y"}, True),
        ("not large(same(input.a))", {"a": 1}, True),
        ("not same(large(input.a))", {"a": 1}, False),
        ("not large(input.a) == 1", {"a": 1}, False),
        ("not [input.a] == [1]", {}, False),
        ("not input.a < 1 with input as {}", {"a": 0}, False),
        ("not input.a < 1 with input.a as 3", {}, True),
        ("not input.a < 1 with input.a as input.b", {}, False),
        ("every x in [1, 2] { not x > input.a }", {}, False),
        ("every x in [1, 2] { not x > input.a }", {"a": 2}, True),
        ("count([x | some x in input.xs; not x.a > 1]) == 1", {"xs": [{}, {"a": 1}, {"a": 2}]}, True),
        ("not count([x | some x in input.xs; not x.a > 1]) == 1", {"xs": [{}, {"a": 1}, {"a": 2}]}, False),
        ("not both(  # one ) there\n  input.a,\n  `\n`)", {"a": 1}, False),
        ("not same(false)", {}, True),
    ],
)
async def test_what_opa_takes_out_of_a_negation_must_be_defined(
    rego: RegoPool, body: str, given: object, decides: object
) -> None:
    for rule in (f"r if {{ {body} }}", f"r if {body}", f"r := false if false else := true if {body}"):
        bundle = policy_bundle({"n.rego": f"{HEAD}{rule}\n"})
        assert (await rego.evaluate(bundle, "data.n.r", orjson.dumps(given)) == b"true") is decides, rule


def test_only_the_engine_reads_the_guards_and_every_line_stays_where_it_is() -> None:
    source = HEAD + "# ü\nr if not same(\n\tinput.a\n)\n\ns if input.b\n"
    faults, views = examine({"modules": {"n.rego": source, "o.rego": "package o\nr if not input.a"}, "data": "{}"}, "")
    assert faults == []
    assert views.keys() == {"n.rego"}
    assert "r if { guard_0_1 := [input.a]; not same(\n\tinput.a\n) }\n" in views["n.rego"]
    assert views["n.rego"].count("\n") == source.count("\n")
    assert policy_bundle({"n.rego": source}).modules["n.rego"] == source


def test_a_guard_takes_no_name_that_the_module_uses() -> None:
    source = f"{HEAD}guard_0_1 := 7\nr if {{ guard_1_x := input.a; not same(guard_1_x) }}\n"
    _, views = examine({"modules": {"n.rego": source}, "data": "{}"}, "")
    assert "guard_2_1 := [guard_1_x]; not" in views["n.rego"]


async def test_a_wildcard_that_would_leave_the_negation_is_refused_with_its_place(rego: RegoPool) -> None:
    source = HEAD + "r if {\n\ttrue\n\tnot same(same(input.xs[_]))\n}\n"
    with pytest.raises(InvalidSource) as caught:
        await rego.check(policy_bundle({"n.rego": source}))
    (fault,) = caught.value.faults
    assert (fault.file, fault.line, fault.code) == ("n.rego", HEAD.count("\n") + 3, "negation")
    assert "bind it first" in fault.hint


class _Rules:
    """Random rules with negations over operands that may be absent. Well typed, so that only definedness differs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  test cases
        self.locals: list[str] = []

    def number(self, depth: int = 2) -> str:
        leaves = [
            "input.a",
            "input.b",
            "input.c",
            'input["d"]',
            "scalar",
            "pair.k",
            "1",
            "4",
            "input.o.x",
            *self.locals,
        ]
        if depth == 0 or self.random.random() < 0.4:
            return self.random.choice(leaves)
        inner = self.number(depth - 1)
        forms = [f"same({inner})", f"large({inner})", f"data.n.same({inner})", f"({inner} + 1)", f"[{inner}, 2][0]"]
        forms += [f"count({self.items(depth - 1)})", f"input.o[{self.key(depth - 1)}]", f"both(1, {inner})[1]"]
        return self.random.choice(forms)

    def key(self, depth: int) -> str:
        return self.random.choice(['"x"', "input.k", "input.z", f'[{self.number(depth)}, "y"][1]'])

    def items(self, depth: int) -> str:
        one = self.number(max(0, depth - 1))
        forms = ["input.xs", "input.ys", "{1, 4}", f"[{one}]", f"{{{one}}}"]
        if depth > 0:
            v = f"v{depth}"
            self.locals.append(f"{v}.a")
            forms.append(f"[{v}.a | some {v} in input.rows; {self.negation(depth - 1)}]")
            forms.append(f"{{{v}.b | some {v} in input.rows; {self.negation(depth - 1)}; {v}.a > 0}}")
            self.locals.remove(f"{v}.a")
        return self.random.choice(forms)

    def negation(self, depth: int = 2) -> str:
        one, two = self.number(depth), self.number(depth)
        operator = self.random.choice(["<", "<=", ">", ">=", "!=", "==", "=="])
        forms = [f"{one} {operator} {two}", f"{one} in {self.items(depth)}", f"{one}", f"large({one})"]
        forms += [f"both({one}, {two})", f"0, {one} in [{two}]", f"[{one}, {two}] == [1, 4]"]
        forms += [
            f'{{"p": {one}}} == {{"p": {two}}}',
            f"({one} {operator} {two}) == true",
            f"input.o[{self.key(depth)}]",
        ]
        forms += [f"object.get(input.o, {self.key(depth)}, {one}) == {two}", "input.a", f"{{{one}}} & {{1}} == {{1}}"]
        mods = [
            "",
            "",
            "",
            "",
            " with input.a as 1",
            " with input.o as {}",
            " with input.b as input.c",
            " with large as same",
        ]
        return f"not {self.random.choice(forms)}{self.random.choice(mods)}"

    def rule(self, name: str) -> str:
        form = self.random.randrange(6)
        if form == 0:
            return f"{name} if {self.negation()}"
        if form == 1:
            return f"{name} := 1 if {self.negation()} else := 2 if {self.negation()}"
        if form == 2:
            first = self.number()
            self.locals = ["l"]
            rest = "; ".join(self.negation() for _ in range(2))
            self.locals = []
            return f"{name} if {{ l := {first}; {rest} }}"
        self.locals = ["w.a", "w.b"]
        inner = f"is_object(w); {self.negation()}"
        self.locals = []
        if form == 3:
            return f"{name} if every w in input.rows {{ {inner} }}"
        if form == 4:
            return f"{name} contains i if {{ some i, w in input.rows; {inner} }}"
        return f"{name} := [i | some i, w in input.rows; {inner}]"

    def input(self) -> dict[str, object]:
        whole: dict[str, object] = {name: self.random.randrange(8) for name in "abcd"}
        whole |= {
            "o": self.some({"x": 1, "y": 4}),
            "k": "y",
            "xs": [1, 4],
            "ys": [],
            "rows": [self.row() for _ in range(3)],
        }
        return self.some(whole)

    def row(self) -> dict[str, object]:
        return self.some({"a": self.random.randrange(8), "b": self.random.randrange(8)})

    def some(self, whole: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in whole.items() if self.random.random() < 0.7}


@opa.needs_opa
@pytest.mark.parametrize("seed", range(4))
async def test_random_negations_decide_as_in_opa(rego: RegoPool, tmp_path: Path, seed: int) -> None:
    rules = _Rules(seed)
    source = HEAD + "\n".join(rules.rule(f"r{number}") for number in range(RULES)) + "\n"
    inputs = [rules.input() for _ in range(INPUTS)]
    bundle = policy_bundle({"n.rego": source})
    differing = []
    for given in inputs:
        theirs = opa.evaluated(tmp_path, bundle.modules, "data.n", orjson.dumps(given))
        ours = orjson.loads(await rego.evaluate(bundle, "data.n", orjson.dumps(given)) or b"{}")
        differing += [
            (line, given, theirs.get(name), ours.get(name))
            for line in source.splitlines()
            if (name := line.split(" ")[0]).startswith("r") and theirs.get(name) != ours.get(name)
        ]
    assert differing[:3] == []


async def test_a_bundle_read_as_it_is_written_keeps_the_negation_the_engine_has(rego: RegoPool) -> None:
    """Verdicts of derivation 1 were made so; the same digest is read in both ways side by side."""
    bundle = policy_bundle({"n.rego": 'package n\n\nr if not startswith(input.path, "server/")\n'})
    for as_written, value in ((True, b"true"), (False, None), (True, b"true")):
        assert await rego.evaluate(replace(bundle, as_written=as_written), "data.n.r", b"{}") == value
