"""What people may do here besides reading and uploading: ask for a pack or an action, hand in an override."""

from dataclasses import dataclass

from evidence_api.use_cases.action_requests import ActionRequests
from evidence_api.use_cases.handed_overrides import HandedOverrides
from evidence_api.use_cases.pack_requests import PackRequests


@dataclass(frozen=True, slots=True)
class Writes:
    """The use cases behind the mutations, built once."""

    requests: ActionRequests
    packs: PackRequests
    overrides: HandedOverrides

    async def run(self, interval: float) -> None:
        """Complete requests that were left half-way, for ever. Packs have a round of their own."""
        await self.requests.run(interval)
