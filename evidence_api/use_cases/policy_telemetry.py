"""Policy telemetry, last part: the counts of a tenant over a period, and what they say of the policies in force."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from evidence_api.domain.errors import Malformed
from evidence_api.domain.policy_telemetry import Counts, Telemetry, telemetry
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.rego import PolicyBundle
from evidence_api.formats.policy_rules import rule_ids
from evidence_api.store import policy_hits
from evidence_api.store.session import Database

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PolicyTelemetry:
    """Reads the telemetry of tenants."""

    database: Database
    policy: PolicyBundle

    async def read(self, scope: TenantScope, since: datetime, until: datetime) -> Telemetry:
        """From the hour of `since` to the end of that of `until`, compared with as long a time before.

        Raises Malformed (no such time), StoreUnavailable.
        """
        first, last = _full_hour(since), _full_hour(until) + _HOUR
        if first >= last:
            raise Malformed("the period ends before it begins", path="since", value=since.isoformat())
        before = first - (last - first)
        async with self.database.reading(scope) as connection:
            counts = Counts(
                tenant=scope.name,
                since=first,
                until=last,
                hits=await policy_hits.counted(connection, scope, first, last),
                before=await policy_hits.counted(connection, scope, before, first),
                reasons=await policy_hits.reasons(connection, scope, first, last),
                overrides=await policy_hits.overrides(connection, scope, first, last),
            )
        return telemetry(counts, rule_ids(self.policy.modules), self.policy.digest)


def _full_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
