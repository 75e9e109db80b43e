"""Verifying a pack offline: no server, no database, no network, and nothing believed that can be computed.

The plan, and the codes each step can fail with (stable for ever):

  1 file        one signature covers the whole file   not_a_pdf not_signed signature_range signature_hole
                                                      signature_cms file_digest file_signature too_large not_json
                                                      not_canonical document base64 pack_signature
                                                      signer_certificate signer_not_expected
  2 manifest    files and manifest agree both ways    pdf_structure attachment_tree signer_mismatch manifest
                                                      artifact_missing artifact_extra artifact_digest format
                                                      derivation document catalog base64 pack_signature
                                                      not_canonical
  3 checkpoint  signed by the log's key               checkpoint_signature checkpoint_origin stale_checkpoint
  4 inclusion   every record is in the log            body_digest body_missing leaf leaf_index inclusion_proof
  5 signatures  every record verified and read again  trust evidence_unreadable evidence_id evidence_signature
                                                      evidence_facts redaction
  6 rules       catalog, generated Rego, policy       catalog_digest catalog_rego policy_digest
  7 verdicts    every verdict derived again           release foreign_evidence engine verdict_outcome
                                                      verdict_because verdict_detail criteria counts waivers
  8 pages       the printed verdicts are those        printed pdf_structure too_large          (PDF alone)
  9 complete    the completeness line is true         completeness period pack_refused
 10 decisions   each decision comes out as recorded   decisions decision_status decision_differences
                                                      decision_detail

Steps 1 and 2 decide whether there is anything to read; after them every step is tried that its inputs allow.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from evidence_api.domain.assessment import DERIVATION, Assessment
from evidence_api.domain.decisions.reading import DECISION_KINDS
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import EvidenceError, PackRejected
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.pack import PackContents, PackedEvidence, PackStatus, period_of
from evidence_api.domain.pack_report import PackReport, PackStep, PackSummary, StepResult
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.engines.pack_key import common_name, key_id_of_certificate, verify_pack_signature
from evidence_api.engines.pades import verify_pdf
from evidence_api.engines.pdf_reading import read_attachments, read_pages
from evidence_api.engines.rego import PolicyBundle, RegoPool
from evidence_api.formats.checkpoint import Checkpoint
from evidence_api.formats.pack import read_contents
from evidence_api.formats.pack_artifacts import artifacts_of, completeness_of
from evidence_api.formats.pack_decisions import check_decisions, tally
from evidence_api.formats.pack_file import (
    INDEX_NAME,
    MAX_FILE,
    MAX_INDEX,
    SignedIndex,
    check_manifest,
    read_pack_file,
)
from evidence_api.formats.pack_printed import check_printed
from evidence_api.use_cases.pack_evidence import check_log, check_records, check_signatures
from evidence_api.use_cases.pack_verdicts import check_rules, check_verdicts, check_waivers, decided_otherwise

T = TypeVar("T")

_NAMED = 5  # controls that a step names

STEPS = (
    "one signature covers the whole file",
    "manifest and files agree, both ways",
    "the log's checkpoint is signed by the log",
    "every record is in the log",
    "every signature holds, every fact is read again",
    "catalog, generated Rego and policy bundle are those named",
    "every verdict is derived again",
    "the pages print those verdicts",
    "the completeness line is true",
    "every decision is recomputed from its inputs",
)


@dataclass(slots=True)
class _Plan:
    """The steps so far, and what they found for those that follow. None: not reached, or failed."""

    steps: list[PackStep] = field(default_factory=list)

    async def run(self, check: Callable[[], Awaitable[tuple[T, str]]] | None) -> T | None:
        """The next step. `check` gives its result and what to say of it; None when its inputs are missing."""
        number = len(self.steps) + 1
        name = STEPS[number - 1]
        if check is None:
            self.steps.append(PackStep(number, name, StepResult.NOT_REACHED, "an earlier step failed"))
            return None
        try:
            found, detail = await check()
        except EvidenceError as fault:
            self.steps.append(PackStep(number, name, StepResult.FAILED, fault.message, fault.code))
            return None
        self.steps.append(PackStep(number, name, StepResult.HELD, detail))
        return found


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file whose signature held. `index` is None for a PDF until its attachments are read."""

    certificate: bytes
    index: SignedIndex | None


async def verify_pack(content: bytes, *, rego: RegoPool, pinned_key: str | None = None) -> PackReport:
    """Run the plan on a PDF or JSON pack. `pinned_key` is the sha256:<hex> the signer must have, of the
    certificate or of its public key. Raises nothing a pack could cause; `report.ok` is the answer."""
    plan = _Plan()
    is_pdf = content[:5] == b"%PDF-"
    opened = await plan.run(lambda: _in_thread(_open, content, is_pdf, pinned_key))
    read = await plan.run(None if opened is None else lambda: _in_thread(_read, content, opened))
    contents = None if read is None else read[0]
    checkpoint = await plan.run(None if contents is None else lambda: _in_thread(_log, contents))
    await plan.run(
        None if contents is None or checkpoint is None else lambda: _in_thread(_inclusion, contents, checkpoint)
    )
    records = await plan.run(None if contents is None else lambda: _in_thread(_signatures, contents))
    policy = await plan.run(None if read is None else lambda: _in_thread(_rules, *read))
    ready = contents is not None and records is not None and policy is not None
    derived = await plan.run(_verdicts(read, records, policy, rego) if ready else None)
    if is_pdf or read is None:
        await plan.run(None if read is None else lambda: _in_thread(_pages, content, *read, derived))
    else:
        plan.steps.append(PackStep(8, STEPS[7], StepResult.NOT_APPLICABLE, "a JSON pack has no pages"))
    await plan.run(None if read is None else lambda: _in_thread(_complete, *read))
    if read is not None and not (read[1].get("decisions") or any(map(_is_decision, read[0].evidence))):
        plan.steps.append(PackStep(10, STEPS[9], StepResult.NOT_APPLICABLE, "the pack holds no decision"))
    else:
        await plan.run(None if read is None or records is None else lambda: _in_thread(_decisions, *read))
    return PackReport(
        form="pdf" if is_pdf else "json",
        digest=digest_of(content),
        signer="" if opened is None else digest_of(opened.certificate),
        signer_name="" if opened is None else common_name(opened.certificate),
        pinned=pinned_key is not None,
        summary=None if contents is None else _summary(contents),
        steps=tuple(plan.steps),
    )


async def _in_thread(check: Callable[..., tuple[T, str]], *arguments: object) -> tuple[T, str]:
    return await asyncio.to_thread(check, *arguments)


def _open(content: bytes, is_pdf: bool, pinned: str | None) -> tuple[_Opened, str]:  # noqa: FBT001  a private step
    """Step 1."""
    if len(content) > MAX_FILE:
        raise PackRejected("the file is too large", code="too_large", limit=MAX_FILE, value=len(content))
    if is_pdf:
        opened = _Opened(verify_pdf(content).certificate, None)
    else:
        index = read_pack_file(content)
        verify_pack_signature(index.certificate, index.signature, index.message)
        opened = _Opened(index.certificate, index)
    fingerprint = digest_of(opened.certificate)
    if pinned is not None and pinned not in {fingerprint, key_id_of_certificate(opened.certificate)}:
        raise PackRejected(f"signed by {fingerprint}, not by {pinned}", code="signer_not_expected")
    return opened, f"signed by {fingerprint}" + ("" if pinned is None else ", as expected")


def _read(content: bytes, opened: _Opened) -> tuple[tuple[PackContents, Mapping[str, Any]], str]:
    """Step 2: the index with its own signature, the manifest both ways, and the contents they make."""
    if opened.index is not None:
        index, files = opened.index, opened.index.artifacts
        if files is None:
            raise PackRejected("this is the index alone; the artifacts are not here", code="artifact_missing")
    else:
        files = dict(read_attachments(content))
        if INDEX_NAME not in files:
            raise PackRejected("the PDF has no attachment pack.json", code="artifact_missing")
        index = read_pack_file(files.pop(INDEX_NAME), limit=MAX_INDEX)
        if index.artifacts is not None:
            raise PackRejected("pack.json in a PDF holds the index alone", code="document")
        if index.certificate != opened.certificate:
            raise PackRejected("the index names another signer than the file's", code="signer_mismatch")
        verify_pack_signature(index.certificate, index.signature, index.message)
    count = check_manifest(index.index, files)
    contents = read_contents(index.index, files)
    expected = {artifact.name for artifact in artifacts_of(contents)}
    if expected != files.keys():
        odd = min(expected ^ files.keys())
        raise PackRejected(f"a file the index does not speak of: {odd[:200]}", code="artifact_extra")
    return (contents, index.index), f"{count} files, each with the size and digest of the manifest"


def _log(contents: PackContents) -> tuple[Checkpoint, str]:
    checkpoint = check_log(contents)
    return checkpoint, f"{checkpoint.origin} at {checkpoint.size} leaves"


def _inclusion(contents: PackContents, checkpoint: Checkpoint) -> tuple[int, str]:
    count = check_records(contents, checkpoint)
    return count, f"{count} of {count} records proven to be in the log"


def _signatures(contents: PackContents) -> tuple[tuple[Evidence, ...], str]:
    records = check_signatures(contents)
    statuses = [record.verification.status for record in records]
    told = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
    erased = sum(record.erased for record in records)
    redacted = sum(item.redaction is not None for item in contents.evidence)
    said = told or "no records"
    said += f"; {erased} erased and not checked again" if erased else ""
    said += f"; {redacted} redacted: read from the copy, its signature is the pack signer's word" if redacted else ""
    return records, said


def _rules(contents: PackContents, index: Mapping[str, Any]) -> tuple[PolicyBundle, str]:
    named = {name: str(index[name]["digest"]) for name in ("catalog", "policy")}
    policy = check_rules(contents, named)
    return policy, f"{len(contents.catalog.controls)} controls, catalog {contents.catalog.digest[:19]}…"


def _verdicts(
    read: tuple[PackContents, Mapping[str, Any]] | None,
    records: tuple[Evidence, ...] | None,
    policy: PolicyBundle | None,
    rego: RegoPool,
) -> Callable[[], Awaitable[tuple[Assessment, str]]] | None:
    if read is None or records is None or policy is None:
        return None

    async def derive() -> tuple[Assessment, str]:
        contents, index = read
        derived = await check_verdicts(contents, records, policy, rego)
        check_waivers(contents, index)
        count = len(derived.findings)
        said = f"{count} of {count} verdicts follow from the evidence, word for word"
        other = await decided_otherwise(contents, records, policy, rego)
        if contents.derivation < DERIVATION:
            said += f"; by derivation {contents.derivation}, which is not today's"
        if other:
            said += f": today {', '.join(other[:_NAMED])}{' and more' if len(other) > _NAMED else ''} would differ"
        return derived, said

    return derive


def _pages(
    content: bytes, contents: PackContents, index: Mapping[str, Any], derived: Assessment | None
) -> tuple[int, str]:
    """Step 8: against the verdicts derived in step 7; if that failed, at least against those recorded."""
    assessed = contents.assessment if derived is None else derived
    pages = read_pages(content)
    count = check_printed(contents, pages, assessed, index.get("decisions"))
    return count, f"{count} verdicts and reasons found on {len(pages)} pages, as derived"


def _complete(contents: PackContents, index: Mapping[str, Any]) -> tuple[str, str]:
    """Step 9: open every artifact again, and the period of the evidence."""
    found = completeness_of(contents)
    if found.status is PackStatus.REFUSED:
        raise PackRejected(f"vital artifacts are absent: {found.absent[0].name}", code="pack_refused")
    said = {
        "status": found.status.value,
        "present": found.present,
        "total": found.total,
        "absent": [{"name": item.name, "reason": item.reason} for item in found.absent],
    }
    if index.get("completeness") != said:
        raise PackRejected(f"the pack says otherwise: {found.line}, {found.status.value}", code="completeness")
    period = period_of(contents)
    told = None if period is None else {"from": format_rfc3339(period[0]), "to": format_rfc3339(period[1])}
    if index.get("period") != told:
        raise PackRejected("the period is not that of the evidence", code="period")
    return found.line, f"{found.line}; pack {found.status.value}"


def _is_decision(item: PackedEvidence) -> bool:
    return item.evidence.kind in DECISION_KINDS


def _decisions(contents: PackContents, index: Mapping[str, Any]) -> tuple[int, str]:
    """Step 10: recompute each decision from the bytes enclosed, and compare with what is listed."""
    found = check_decisions(contents, index.get("decisions"))
    absent = sum(map(_is_decision, contents.evidence)) - len(found)
    said = tally([one.reperformed.status for one in found])
    return len(found), said + (f"; {absent} erased" if absent else "")


def _summary(contents: PackContents) -> PackSummary:
    found = completeness_of(contents)
    return PackSummary(
        tenant=contents.tenant,
        release=f"{contents.release.name} {contents.release.version}".strip(),
        evaluated_at=contents.assessment.evaluated_at,
        tree_size=contents.assessment.tree_size,
        status=found.status.value,
        completeness=found.line,
        counts=contents.assessment.counts,
        notes=contents.assessment.notes,
    )
