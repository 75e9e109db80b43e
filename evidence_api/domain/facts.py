"""The facts of one release: the rows its catalog queries range over, as a pure function of its evidence.

Input is the release and the evidence it owns, in any order. Output is one `Row` per current piece of evidence,
plus the derived `attest` rows. What a row says is only ever a summary of signed bytes. Erasing a body changes no
row but its own (and the `attest` rows of its artifacts, and what the server found of a decision), and takes none away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from evidence_api.domain.attest import attested
from evidence_api.domain.evidence import Evidence, Fact, Release
from evidence_api.domain.ownership import artifacts_of, digests_of, links_of, owned_by, reachable
from evidence_api.domain.reperformed import completed, of_decisions, of_itself, told_of
from evidence_api.domain.verification import Verified

__all__ = ["Row", "current", "owned_by", "rows_of"]

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # when nothing was received at all


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one kind. `evidence` lists the evidence ids it rests on (one, or several for derived
    kinds); `facts` maps dotted paths to values, an absent path being unknown.
    `withheld` means the leaf is in the log but its body is gone (erased): it can never help to pass."""

    kind: str
    evidence: tuple[str, ...]
    subjects: tuple[str, ...]  # "algorithm:hex" of the release's subjects this row is about
    facts: Mapping[str, Fact]
    signer: str
    verified: bool
    predicate_type: str
    effective: datetime | None
    collected: datetime | None
    received: datetime
    withheld: bool = False


def rows_of(
    release: Release, evidence: Sequence[Evidence], owned: Mapping[str, Sequence[str]] | None = None
) -> tuple[Row, ...]:
    """The rows of the current evidence in leaf order, then one `attest` row per artifact of the release.

    `owned` says which of the release's digests each evidence id is linked to, where the caller knows; otherwise
    the links are followed here. Evidence that no link reaches is about the whole release.
    """
    artifacts = artifacts_of(release, evidence)
    about = _about(artifacts, evidence)
    standing = current(evidence)
    found = of_decisions(standing)
    rows = []
    for one in standing:
        linked = (owned or {}).get(one.id) or _artifact_digests(artifacts, about, one) or release.digests
        rows.append(_row(one, tuple(linked), told_of(one, found)))
    return (*rows, *_attest_rows(artifacts, standing))


def current(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """What nothing later of the same series, kind and subjects supersedes, in leaf order.

    Later is by effective time (where not said: collected, then received), then by leaf. Verified and unverified
    evidence supersede only their own kind: an unverified upload must not hide a verified statement.
    """
    latest: dict[tuple[str, str, frozenset[str], bool], Evidence] = {}
    for one in evidence:
        key = (one.kind, one.series, digests_of(one), isinstance(one.verification, Verified))
        standing = latest.get(key)
        if standing is None or _when(one) > _when(standing):
            latest[key] = one
    return tuple(sorted(latest.values(), key=lambda one: one.leaf_index))


def _when(one: Evidence) -> tuple[datetime, int]:
    return (one.effective or one.collected or one.received, one.leaf_index)


def _about(artifacts: Sequence[tuple[str, ...]], evidence: Sequence[Evidence]) -> Mapping[str, Sequence[int]]:
    """Digest -> positions of the artifacts that lead to it: their own digests and those of their sources."""
    links = links_of(evidence)
    about: dict[str, list[int]] = {}
    for position, artifact in enumerate(artifacts):
        for digest in reachable(artifact, links):
            about.setdefault(digest, []).append(position)
    return about


def _artifact_digests(
    artifacts: Sequence[tuple[str, ...]], about: Mapping[str, Sequence[int]], one: Evidence
) -> tuple[str, ...]:
    positions = {position for digest in digests_of(one) for position in about.get(digest, ())}
    return tuple(digest for position in sorted(positions) for digest in artifacts[position])


def _row(one: Evidence, subjects: tuple[str, ...], told: Evidence | None) -> Row:
    """A withheld body says nothing any more, but its row stays. `told` is what the server found of a decision."""
    verification = one.verification
    withheld = one.erased or (told is not None and told.erased)
    said = of_itself(one) if told is None else completed(one.facts, told)
    return Row(
        kind=one.kind,
        evidence=(one.id,) if told is None else (one.id, told.id),
        subjects=subjects,
        facts={} if withheld else said,
        signer=verification.signer.label if isinstance(verification, Verified) else "",
        verified=isinstance(verification, Verified),
        predicate_type=one.predicate_type,
        effective=one.effective,
        collected=one.collected,
        received=one.received,
        withheld=withheld,
    )


def _attest_rows(artifacts: Sequence[tuple[str, ...]], standing: Sequence[Evidence]) -> tuple[Row, ...]:
    direct: dict[str, list[Evidence]] = {}
    for one in standing:
        for digest in digests_of(one):
            direct.setdefault(digest, []).append(one)
    begun = min((one.received for one in standing), default=_NEVER)
    rows = []
    for artifact in artifacts:
        found = {one.id: one for digest in artifact for one in direct.get(digest, ())}
        rows.append(_attest_row(artifact, sorted(found.values(), key=lambda one: one.leaf_index), begun))
    return tuple(rows)


def _attest_row(artifact: tuple[str, ...], direct: Sequence[Evidence], begun: datetime) -> Row:
    """`verified` holds of every attest row: nothing unverified is in its facts, and an artifact about which nothing
    is verified must weigh in as unknown instead of falling out of the count. Times are the oldest of what it rests on.
    """
    shown = next((digest for digest in artifact if digest.startswith("sha256:")), artifact[0])
    summary = attested(shown, direct)
    signers = summary.facts.get("signers", ())
    return Row(
        kind="attest",
        evidence=tuple(one.id for one in summary.evidence),
        subjects=artifact,
        facts=summary.facts,
        signer=", ".join(signers) if isinstance(signers, tuple) else "",
        verified=True,
        predicate_type="",
        effective=min((one.effective for one in summary.evidence if one.effective), default=None),
        collected=min((one.collected for one in summary.evidence if one.collected), default=None),
        received=min((one.received for one in summary.evidence), default=begun),
        withheld=summary.withheld,
    )
