"""The gate: answers are pure, shared, kept, and a denial when there is none."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import EngineTimeout, Malformed, Overloaded, PolicyFailed
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.rego import PolicyBundle, RegoPool, policy_bundle
from evidence_api.use_cases import decide as decide_module
from evidence_api.use_cases.decide import Gate

POLICY = """package evidence.policy.one

import rego.v1

decision := {"allow": input.n > 3, "rules": ["one.small"], "reasons": []} if input.n

decision := {"allow": true} if input.malformed

decision := {"allow": 1 / input.zero == 1, "rules": [], "reasons": []}

decision := {"allow": count(pairs) > 0, "rules": [], "reasons": []} if input.slow

r := numbers.range(1, 200)

pairs := [1 | some a in r; some b in r; some c in r; some d in r]
"""


class CountingPool(RegoPool):
    """A real pool that counts what it is asked."""

    asked = 0

    async def evaluate(
        self,
        bundle: PolicyBundle,
        query: str,
        input: bytes,  # noqa: A002  as the pool has it
        *,
        timeout: float | None = None,  # noqa: ASYNC109  the same
    ) -> bytes | None:
        self.asked += 1
        return await super().evaluate(bundle, query, input, timeout=timeout)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rego() -> AsyncIterator[CountingPool]:
    async with CountingPool(timeout=0.5) as pool:
        yield pool


@pytest.fixture
def gate(rego: CountingPool) -> Gate:
    rego.asked = 0
    return Gate(rego, policy_bundle({"one.rego": POLICY}))


async def test_decision_names_what_it_is_made_of(gate: Gate) -> None:
    decision = await gate.decide("one", {"n": 5, "a": "x"})
    assert (decision.allow, decision.rules, decision.reasons) == (True, ("one.small",), ())
    assert decision.input == b'{"a":"x","n":5}'
    assert decision.policy_digest == gate.policy_digest
    again = await gate.decide("one", {"a": "x", "n": 5})
    assert again == decision


async def test_same_question_is_asked_once(gate: Gate, rego: CountingPool) -> None:
    together = await asyncio.gather(*(gate.decide("one", {"n": 1}) for _ in range(20)))
    assert len({decision.id for decision in together}) == 1
    await gate.decide("one", {"n": 1})
    assert rego.asked == 1
    await gate.decide("one", {"n": 2})
    assert rego.asked == 2


async def test_large_questions_are_not_kept_without_end(
    gate: Gate, rego: CountingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide_module, "_KEPT_BYTES", 2500)
    for letter in "abcab":  # two of a thousand bytes find room, and the oldest goes
        await gate.decide("one", {"n": 1, "a": letter * 1000})
    assert rego.asked == 5
    await gate.decide("one", {"n": 1, "a": "b" * 1000})
    assert rego.asked == 5
    await gate.decide("one", {"n": 1, "a": "c" * 5000})  # more than all there is room for
    await gate.decide("one", {"n": 2})
    await gate.decide("one", {"n": 2})
    assert rego.asked == 7


async def test_what_is_decided_for_a_tenant_is_counted_and_probes_are_not(rego: CountingPool) -> None:
    scope = TenantScope(uuid4(), "acme")
    counted: list[tuple[TenantScope, Decision]] = []
    gate = Gate(rego, policy_bundle({"one.rego": POLICY}), lambda tenant, made: counted.append((tenant, made)))
    await gate.decide("one", {"n": 1})
    kept = await gate.decide("one", {"n": 1}, scope=scope)
    again = await gate.decide("one", {"n": 1}, scope=scope)
    with pytest.raises(PolicyFailed):
        await gate.decide("one", {"zero": 0}, scope=scope)
    assert counted == [(scope, kept), (scope, again)]


async def test_no_answer_or_a_malformed_one_denies(gate: Gate) -> None:
    for area, question in (("one", {}), ("one", {"malformed": True}), ("unheard_of", {"n": 5})):
        decision = await gate.decide(area, question)
        assert (decision.allow, decision.rules) == (False, ("undefined",))


async def test_failures_are_raised_and_not_kept(gate: Gate, rego: CountingPool) -> None:
    for _ in range(2):
        with pytest.raises(PolicyFailed):
            await gate.decide("one", {"zero": 0})
        with pytest.raises(EngineTimeout):
            await gate.decide("one", {"slow": True})
    assert rego.asked == 4


async def test_a_slow_question_holds_up_its_own_lane_alone(rego: CountingPool) -> None:
    bundle = policy_bundle({"one.rego": f"# of this test alone\n{POLICY}"})
    gate, asked = Gate(rego, bundle), Gate(rego, bundle, lane="asked")
    for each in (gate, asked):
        await each.decide("one", {"n": 1})
    with pytest.raises(EngineTimeout):
        await asked.decide("one", {"slow": True})
    many = [{"n": number} for number in range(100, 200)]
    assert all(one.allow for one in await asyncio.gather(*(gate.decide("one", one) for one in many)))
    held_up = await asyncio.gather(*(asked.decide("one", one) for one in many), return_exceptions=True)
    assert any(isinstance(one, Overloaded) for one in held_up)
    same = await asked.decide("one", {"n": 1})
    assert same == await gate.decide("one", {"n": 1})


async def test_one_caller_may_leave(gate: Gate) -> None:
    leaving = asyncio.create_task(gate.decide("one", {"n": 9}))
    staying = asyncio.create_task(gate.decide("one", {"n": 9}))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).allow
    assert leaving.cancelled() or not leaving.done()


async def test_question_must_have_a_canonical_form(gate: Gate) -> None:
    with pytest.raises(Malformed):
        await gate.decide("one", {"n": float("nan")})


async def test_input_is_what_was_asked(gate: Gate) -> None:
    question = {"n": 4, "list": [1, "é", None]}
    assert orjson.loads((await gate.decide("one", question)).input) == question
