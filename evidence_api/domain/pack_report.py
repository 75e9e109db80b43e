"""What checking a pack found: ten steps, each held, failed with its code, or could not be reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evidence_api.domain.verdict import Outcome


class StepResult(StrEnum):
    """held | failed | not_reached (an earlier failure left nothing to check) | not_applicable (JSON has no pages, or
    there is no decision)."""

    HELD = "held"
    FAILED = "failed"
    NOT_REACHED = "not_reached"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class PackStep:
    """One step of the plan. `code` is set when it failed; `detail` says what was found, in words."""

    number: int
    name: str
    result: StepResult
    detail: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class PackSummary:
    """What the pack says, as far as it could be read. `status` is complete | partial | refused; `notes` are those of
    the assessment: waivers that are over, not needed, or of a control the catalog does not hold."""

    tenant: str
    release: str
    evaluated_at: datetime
    tree_size: int
    status: str
    completeness: str
    counts: Mapping[Outcome, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackReport:
    """The result. `signer` is the fingerprint (sha256:<hex>) of the certificate that signed, `signer_name` what it
    calls itself (nobody vouches for that), `pinned` whether the caller said whose signature it must be."""

    form: str  # pdf | json
    digest: str
    signer: str
    signer_name: str
    pinned: bool
    summary: PackSummary | None
    steps: tuple[PackStep, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that applies was checked and held."""
        return bool(self.steps) and all(
            step.result in {StepResult.HELD, StepResult.NOT_APPLICABLE} for step in self.steps
        )

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the steps that failed, in order."""
        return tuple(step.code for step in self.steps if step.result is StepResult.FAILED)
