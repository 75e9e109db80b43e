"""The whole application over a database of a test's own, under the rules the test writes, and the verdicts it makes."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence_api.bootstrap import Application, open_application
from evidence_api.domain.assessment import Assessment, Outcome
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.files import shipped
from evidence_api.engines.rego import RegoPool
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.settings import Settings
from evidence_api.store import assessments, releases
from evidence_api.store.migrate import Login, login_dsn
from tests.support.checked import SteppingClock


@dataclass(frozen=True)
class Place:
    """Where the application is opened, once or again and again: a database, a home folder, a clock that is told."""

    login: Login
    home: Path
    clock: SteppingClock
    nursery: Nursery
    engine: RegoPool | None = None

    @asynccontextmanager
    async def application(self, **settings: Any) -> AsyncIterator[Application]:  # noqa: ANN401  any setting
        """The application with these settings, and the shipped ones for the rest."""
        dsn = login_dsn(self.login.app_dsn, "postgres")
        chosen = Settings.from_environment(home=self.home, database_url=dsn, **settings)
        own = settings.keys() & {"rego_workers", "rego_timeout", "rego_memory"}
        async with open_application(chosen, self.clock, self.nursery, None if own else self.engine) as opened:
            yield opened

    def catalog(self, files: Mapping[str, str], name: str = "controls") -> Path:
        """The folder of a catalog of these files and no others."""
        return written(self.home / name, files)

    def policy(self, files: Mapping[str, str]) -> Path:
        """The folder of the shipped policies with these files added or in place of theirs."""
        return written(shutil.copytree(shipped("policy"), self.home / "policy"), files)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder, with these files (relative name -> text) in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


async def newest(application: Application, scope: TenantScope, name: str = "widget") -> Assessment:
    """The newest assessment on record of the newest release of that name."""
    async with application.database.reading(scope) as connection:
        found = await releases.find(connection, scope, name)
        latest = await assessments.latest(connection, scope, found.id)
    assert latest is not None
    return latest[1]


def outcomes_of(assessment: Assessment) -> dict[str, Outcome]:
    """Its outcomes by control."""
    return {finding.control: finding.outcome for finding in assessment.findings}
