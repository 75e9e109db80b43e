"""Deriving whether a build is reproducible: builds of one source by different builders, their outputs compared.

Source: spec of the kind: two provenance statements by different builders, same source, same output digests. Another
version of a builder (`…@v1`) is no other builder. Outputs are the same if they share a digest; they differ if they have
the same name and an algorithm in common, but no digest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evidence_api.domain.drift import DERIVATION
from evidence_api.domain.errors import Refused
from evidence_api.domain.statement import Statement, Subject
from evidence_api.formats.predicates import normalise

REPRODUCIBLE_BUILD = "urn:evidence-api:reproducible-build:v1"
PRODUCER = "evidence-api/reproducible-build"
MAX_LISTED = 1_000  # subjects of one list


@dataclass(frozen=True, slots=True)
class Build:
    """One provenance statement: who built what from which source ("algorithm:hex", the first is the authority)."""

    evidence_id: str
    builder: str
    build_type: str
    sources: tuple[str, ...]
    subjects: tuple[Subject, ...]

    @property
    def party(self) -> str:
        """The builder without its version: `…@v1`, `…@refs/tags/v2` are one."""
        head, at, version = self.builder.rpartition("@")
        return head if at and "://" not in version else self.builder


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What comparing the builds showed. Names are sorted; `status` is "single" without a second builder, "differs"
    with any mismatch, "reproduced" if every output has an equal one by another builder, otherwise "partial"."""

    status: str
    builds: tuple[Build, ...]
    matching: tuple[str, ...]
    mismatched: tuple[str, ...]
    alone: tuple[str, ...]


def build_of(statement: Statement, evidence_id: str) -> Build | None:
    """Read a provenance statement; None for one that names no builder or no source. Raises nothing."""
    try:
        read = normalise(statement, 0)
    except Refused:  # stored although it cannot be read now: it cannot show anything
        return None
    builder, build_type = read.facts.get("builder"), read.facts.get("build_type", "")
    if read.kind != "provenance" or not isinstance(builder, str) or not read.sources:
        return None
    return Build(evidence_id, builder, str(build_type), read.sources, statement.subjects)


def compare_builds(builds: Iterable[Build]) -> tuple[Reproduction, ...]:
    """One result for each source, by its digest; builds that share a source digest are builds of the same source."""
    groups: list[list[Build]] = []
    for build in sorted(builds, key=lambda one: one.evidence_id):
        same = [group for group in groups if any(set(build.sources) & set(one.sources) for one in group)]
        merged = [one for group in same for one in group] + [build]
        groups = [group for group in groups if group not in same] + [merged]
    found = [_compare(group) for group in groups]
    return tuple(sorted(found, key=lambda one: one.builds[0].sources))


def reproduction_predicate(found: Reproduction, *, supersedes: str = "") -> dict[str, Any]:
    """The predicate; the same builds give the same canonical bytes."""
    predicate: dict[str, Any] = {
        "producer": {"id": PRODUCER, "version": str(DERIVATION)},
        "status": found.status,
        "builds": [
            {
                "evidence": one.evidence_id,
                "builder": one.builder,
                "build_type": one.build_type,
                "sources": list(one.sources),
            }
            for one in found.builds
        ],
        "counts": {
            "builders": len({one.party for one in found.builds}),
            "matching": len(found.matching),
            "mismatched": len(found.mismatched),
            "alone": len(found.alone),
        },
        "matching": list(found.matching[:MAX_LISTED]),
        "mismatched": list(found.mismatched[:MAX_LISTED]),
        "alone": list(found.alone[:MAX_LISTED]),
    }
    return predicate | ({"supersedes": supersedes} if supersedes else {})


def _compare(builds: Sequence[Build]) -> Reproduction:
    ordered = tuple(sorted(builds, key=lambda one: one.evidence_id))
    verdicts: dict[str, set[bool | None]] = {}
    for build in ordered:
        others = [one for other in ordered if other.party != build.party for one in other.subjects]
        for subject in build.subjects:
            verdicts.setdefault(_shown(subject), set()).add(_reproduced(subject, others))
    mismatched = sorted(name for name, said in verdicts.items() if False in said)
    matching = sorted(name for name, said in verdicts.items() if said == {True})
    alone = sorted(name for name, said in verdicts.items() if None in said and False not in said)
    if len({one.party for one in ordered}) == 1:
        status = "single"
    elif mismatched:
        status = "differs"
    else:
        status = "reproduced" if matching and not alone else "partial"
    return Reproduction(status, ordered, tuple(matching), tuple(mismatched), tuple(alone))


def _reproduced(subject: Subject, others: Iterable[Subject]) -> bool | None:
    """True if another builder made the same bytes, False if other bytes of that name, None if nothing like it."""
    verdict = None
    ours = set(subject.digests)
    for other in others:
        if ours & set(other.digests):
            return True
        if subject.name and subject.name == other.name and subject.digest.keys() & other.digest.keys():
            verdict = False
    return verdict


def _shown(subject: Subject) -> str:
    return subject.name or subject.digests[0]
