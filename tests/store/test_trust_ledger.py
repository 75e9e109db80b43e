"""The trust ledger in the database: a fold over its updates, whoever takes the steps, with its scores."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from evidence_api.domain.decisions.trust_update import Beta, TrustUpdate, brier, ledger_key, posterior, reliability
from evidence_api.domain.digest import digest_of
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.trust_state import TrustState, TrustStep
from evidence_api.store import trust_ledger
from evidence_api.store.session import Database
from tests.support import decisions

LEDGER = ledger_key("impl@small", {"riskBand": "low"})


def update(prior: tuple[float, float], **more: bool | str) -> TrustUpdate:
    predicate = decisions.trust_update(prior, **more)["predicate"]  # type: ignore[arg-type]
    return TrustUpdate.model_validate(predicate)


async def move(
    database: Database, scope: TenantScope, updates: Sequence[TrustUpdate], first: int = 0
) -> list[TrustStep]:
    """The steps of updates at the leaves from `first` on, in one transaction."""
    async with database.tenant(scope) as connection:
        return [
            await trust_ledger.move(connection, scope, leaf, digest_of(b"%d" % leaf), one)
            for leaf, one in enumerate(updates, first)
        ]


async def state(database: Database, scope: TenantScope, arm: str | None = None) -> TrustState:
    async with database.reading(scope) as connection:
        (found,) = await trust_ledger.ledgers(connection, scope, arm=arm, limit=10)
    return found


async def test_the_ledger_is_the_fold_of_its_updates_and_scores_them(database: Database, scope: TenantScope) -> None:
    drawn = random.Random(5)  # noqa: S311  a fixed sequence
    stands, pairs, updates = Beta(1, 1), [], []
    for _ in range(60):
        success = drawn.random() < 0.7
        if drawn.random() < 0.2:
            updates.append(update((stands.a + 1, stands.b)))
        updates.append(update((stands.a, stands.b), success=success))
        pairs.append((stands.mean, success))
        stands = posterior(stands, success)
    steps = await move(database, scope, updates)
    assert sum(one.continuous for one in steps) == 60
    found = await state(database, scope)
    assert (found.beta, found.updates, found.discontinuities) == (stands, 60, len(updates) - 60)
    assert (found.arm, found.context) == LEDGER
    assert found.mean == stands.mean
    assert found.interval == stands.interval()
    assert found.brier == pytest.approx(brier(pairs))
    for mine, theirs in zip(found.reliability, reliability(pairs), strict=True):
        assert (mine.low, mine.count) == (theirs.low, theirs.count)
        assert mine.predicted == (None if theirs.predicted is None else pytest.approx(theirs.predicted))
        assert mine.observed == (None if theirs.observed is None else pytest.approx(theirs.observed))


async def test_a_step_that_was_taken_is_told_again_and_moves_nothing(database: Database, scope: TenantScope) -> None:
    updates = [update((1, 1)), update((4, 4)), update((2, 1), success=False)]
    first = await move(database, scope, updates)
    assert await move(database, scope, updates) == first
    assert [one.continuous for one in first] == [True, False, True]
    assert (await state(database, scope)).beta == Beta(2, 2)


async def test_a_genesis_begins_a_ledger_once(database: Database, scope: TenantScope) -> None:
    begins = [update((0.5, 2.5), genesis=True), update((1.5, 2.5)), update((2.5, 2.5), genesis=True)]
    assert [one.continuous for one in await move(database, scope, begins)] == [True, True, False]
    found = await state(database, scope)
    assert (found.a, found.b, found.updates, found.discontinuities) == (2.5, 2.5, 2, 1)


async def test_large_counts_are_compared_exactly(database: Database, scope: TenantScope) -> None:
    many = float(2**40)
    (_, wrong, right) = await move(
        database, scope, [update((many, 1), genesis=True), update((many, 1)), update((many + 1, 1))]
    )
    assert (wrong.continuous, right.continuous) == (False, True)


async def test_updates_of_one_prior_at_once_move_it_once(database: Database, scope: TenantScope) -> None:
    """Even if followers were not kept apart: the ledger's row is."""
    made = await asyncio.gather(*(move(database, scope, [update((1, 1))], leaf) for leaf in range(12)))
    assert sum(step.continuous for (step,) in made) == 1
    found = await state(database, scope)
    assert (found.beta, found.updates, found.discontinuities) == (Beta(2, 1), 1, 11)


async def test_ledgers_are_listed_in_order_by_page_and_by_arm(
    database: Database, scope: TenantScope, other_scope: TenantScope
) -> None:
    arms = ["b", "a", "é", "B", "a" * 1000]
    await move(database, scope, [update((1, 1), arm=arm) for arm in arms])
    async with database.reading(scope) as connection:
        listed = await trust_ledger.ledgers(connection, scope, limit=10)
        assert [one.arm for one in listed] == sorted(arms)
        seen = []
        after = None
        while page := await trust_ledger.ledgers(connection, scope, after=after, limit=2):
            seen += [one.arm for one in page]
            after = (page[-1].arm, page[-1].context)
        assert seen == sorted(arms)
        assert [one.arm for one in await trust_ledger.ledgers(connection, scope, arm="b", limit=10)] == ["b"]
    async with database.reading(other_scope) as connection:
        assert await trust_ledger.ledgers(connection, other_scope, limit=10) == []


async def test_the_history_of_a_ledger_names_its_evidence(database: Database, scope: TenantScope) -> None:
    steps = await move(database, scope, [update((1, 1)), update((1, 1)), update((2, 1))], first=7)
    async with database.reading(scope) as connection:
        kept = await trust_ledger.history(connection, scope, LEDGER, limit=10)
        rest = await trust_ledger.history(connection, scope, LEDGER, after=7, limit=1)
        other = await trust_ledger.history(connection, scope, ("impl@large", LEDGER[1]), limit=10)
    assert [one.step for one in kept] == steps
    assert [(one.leaf_index, one.evidence_id) for one in kept] == [
        (leaf, digest_of(b"%d" % leaf)) for leaf in (7, 8, 9)
    ]
    assert ([one.leaf_index for one in rest], other) == ([8], [])
