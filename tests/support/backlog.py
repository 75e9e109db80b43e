"""A small catalog whose limit and waiver a test changes from one server to the next, and releases that it judges."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from evidence_api.bootstrap import Application
from evidence_api.domain.assessment import Outcome
from evidence_api.domain.evidence import Fact
from evidence_api.domain.principal import TenantScope
from evidence_api.use_cases.append import Appender
from tests.support.checked import ADMITTED, TestSigner, checked, release
from tests.support.place import Place, newest, outcomes_of

CONTROLS = """\
id: C-1
fix: Run the tests.
query:
  - kind: test_result
    where: result==passed
    fresh: {{max_age: P30D, clock: received}}
---
id: C-2
query:
  - kind: vulns
    where: highs <= {limit}
"""


@asynccontextmanager
async def serving(place: Place, *, limit: int = 1, waiver: str = "") -> AsyncIterator[Application]:
    """A server that allows this many high findings."""
    files = {"controls.yaml": CONTROLS.format(limit=limit), "waivers.yaml": waiver}
    async with place.application(catalog=place.catalog(files, f"catalog-{limit}{'-waived' * bool(waiver)}")) as opened:
        yield opened


async def fill(application: Application, place: Place, scope: TenantScope, count: int) -> None:
    """Releases `app<n>`, each with a passing test and n % 3 high findings; none is assessed yet."""
    appender = Appender(application.database, TestSigner(), place.clock)
    for number in range(count):
        about = (f"artifact {number}",)
        highs: dict[str, Fact] = {"criticals": 0, "highs": number % 3}
        for one in (
            release(f"app{number}", *about),
            checked(f"tests {number}", subjects=about),
            checked(f"scan {number}", kind="vulns", subjects=about, facts=highs),
        ):
            await appender.append(scope, one, ADMITTED)
    await appender.close()


async def append_test(application: Application, place: Place, scope: TenantScope, told: str, number: int) -> None:
    """One more passing test of release `app<number>`, by a server that hears of it."""
    appender = Appender(application.database, TestSigner(), place.clock)
    appender.watch_every(application.reassessor.wake)
    await appender.append(scope, checked(told, subjects=(f"artifact {number}",)), ADMITTED)
    await appender.close()


async def outcome(application: Application, scope: TenantScope, name: str, control: str = "C-2") -> Outcome:
    """What the newest assessment of that release says of the control."""
    return outcomes_of(await newest(application, scope, name))[control]
