"""Group commit: a batch waits a moment for uploads that are being checked, and for nothing else."""

import asyncio
import time

import pytest

from evidence_api.domain.principal import TenantScope
from evidence_api.use_cases import append
from evidence_api.use_cases.append import Appender
from tests.support.checked import ADMITTED, checked


async def test_what_is_announced_joins_the_batch(
    appender: Appender, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "_LINGER", 5.0)

    async def checked_later(number: int) -> int:
        appender.announce(scope)
        await asyncio.sleep(0.01 * number)
        appender.retract(scope)
        return (await appender.append(scope, checked(str(number)), ADMITTED)).tree_size

    sizes = await asyncio.gather(*(checked_later(number) for number in range(4)))
    assert sizes[:2] == [2, 2]  # two wait for as many as are still to come


async def test_the_wait_is_short_whoever_stays_away(appender: Appender, scope: TenantScope) -> None:
    appender.announce(scope)
    appender.announce(scope)
    begun = time.monotonic()
    await appender.append(scope, checked("one"), ADMITTED)
    assert time.monotonic() - begun < 1
    appender.retract(scope)
    appender.retract(scope)
    assert not appender._lanes


async def test_a_refused_upload_holds_up_nobody(
    appender: Appender, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "_LINGER", 60.0)
    appender.announce(scope)
    appender.announce(scope)
    waiting = asyncio.create_task(appender.append(scope, checked("one"), ADMITTED))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    appender.retract(scope)
    assert (await asyncio.wait_for(waiting, 5)).leaf_index == 0
    appender.retract(scope)


async def test_nothing_is_kept_of_a_tenant_that_rests(appender: Appender, scope: TenantScope) -> None:
    appender.announce(scope)
    appender.retract(scope)
    await appender.append(scope, checked("one"), ADMITTED)
    await appender.close()
    assert not appender._lanes
