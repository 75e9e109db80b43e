"""A decision: what a gate's policy answered, and the digests from which anyone can have it answered again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from evidence_api.domain.digest import canonical, digest_of

UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer of one policy area.

    `id` is the digest of the canonical JSON of {area, input_digest, policy_digest}: a policy is a pure
    function, so the same question under the same policy bundle is the same decision. `rules` are stable
    rule ids ("admission.failed_check"), `reasons` sentences for people, `input` the canonical JSON bytes
    that were asked about. All digests are sha256:<hex>.
    """

    id: str
    area: str
    allow: bool
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    input_digest: str
    policy_digest: str
    input: bytes = field(repr=False)

    @classmethod
    def of(cls, area: str, question: bytes, policy_digest: str, answer: object) -> Self:
        """Read the policy's answer ({"allow", "rules", "reasons"}); anything else denies, as rule "undefined"."""
        input_digest = digest_of(question)
        allow, rules, reasons = _read(answer, area)
        return cls(
            id=decision_id(area, input_digest, policy_digest),
            area=area,
            allow=allow,
            rules=rules,
            reasons=reasons,
            input_digest=input_digest,
            policy_digest=policy_digest,
            input=question,
        )


def decision_id(area: str, input_digest: str, policy_digest: str) -> str:
    """The content name of a decision, sha256:<hex>."""
    return digest_of(canonical({"area": area, "input_digest": input_digest, "policy_digest": policy_digest}))


def _read(answer: object, area: str) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Fail closed: only the exact shape can allow."""
    match answer:
        case {"allow": bool(allow), "rules": [*rules], "reasons": [*reasons], **rest} if not rest and _words(
            rules, reasons
        ):
            return allow, tuple(rules), tuple(reasons)
        case None:
            return False, (UNDEFINED,), (f"policy area {area} gave no answer",)
        case _:
            return False, (UNDEFINED,), (f"policy area {area} gave an answer of the wrong shape",)


def _words(*lists: Sequence[Any]) -> bool:
    return all(isinstance(word, str) for words in lists for word in words)
