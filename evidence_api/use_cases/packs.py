"""Building a pack: contents -> signed JSON and signed PDF, verified by our own verifier before anybody sees them.

1. completeness   every artifact opened; a pack that could not be derived again is refused, each absence named
2. index          the document, signed with the pack key
3. JSON, PDF      the same index in both; the PDF rendered in its own process
4. self-check     the finished PDF and JSON pass every step of use_cases/verify_pack.py, or nothing is given out
Nothing is stored here: a crash at any line leaves nothing behind.
"""

import asyncio
from dataclasses import dataclass, field

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import PackRejected
from evidence_api.domain.pack import Artifact, PackContents, PackStatus
from evidence_api.domain.pack_report import PackReport
from evidence_api.engines.pack_key import PackKey, common_name
from evidence_api.engines.pades import sign_pdf
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.rego import RegoPool
from evidence_api.formats.pack import is_safe_name, pack_document
from evidence_api.formats.pack_artifacts import artifacts_of, completeness_of
from evidence_api.formats.pack_file import INDEX_NAME, encode_index, encode_pack, signed_message
from evidence_api.formats.pack_pages.document import document
from evidence_api.use_cases.verify_pack import verify_pack

JSON_TYPE = "application/vnd.evidence-api.pack.v1+json"
PDF_TYPE = "application/pdf"


@dataclass(frozen=True, slots=True)
class BuiltPack:
    """Both renderings of one pack, with the digests they are stored and served by."""

    status: PackStatus
    completeness: str
    json: bytes = field(repr=False)
    pdf: bytes = field(repr=False)

    @property
    def json_digest(self) -> str:
        """`sha256:<hex>` of the JSON pack."""
        return digest_of(self.json)

    @property
    def pdf_digest(self) -> str:
        """`sha256:<hex>` of the PDF pack."""
        return digest_of(self.pdf)


class PackBuilder:
    """Builds packs with one key. The same contents give the same bytes."""

    def __init__(self, renderer: PdfRenderer, key: PackKey, rego: RegoPool) -> None:
        """`rego` derives the verdicts again in the self-check."""
        self._renderer = renderer
        self._key = key
        self._rego = rego

    async def build(self, contents: PackContents) -> BuiltPack:
        """Both renderings. Raises PackRejected: `pack_refused` (with `absent`), `pack_inconsistent` (with `codes`);
        EngineTimeout, EngineMemory, EngineCrashed from the renderer."""
        # 1. completeness
        found = await asyncio.to_thread(completeness_of, contents)
        if found.status is PackStatus.REFUSED:
            names = [f"{item.name}: {item.reason}" for item in found.absent if item.vital]
            raise PackRejected(f"the pack would prove nothing without {names[0]}", code="pack_refused", absent=names)
        # 2. and 3. the index, then the two files around it
        index, as_json, page, files = await asyncio.to_thread(self._prepare, contents)
        attached = Artifact(INDEX_NAME, "application/json", index, "The index: verdicts, records, proofs, manifest")
        rendered = await self._renderer.render(
            page,
            (*files, attached),
            at=contents.assessment.evaluated_at,
            signer=common_name(self._key.certificate),
        )
        as_pdf = await sign_pdf(rendered, self._key)
        # 4. what does not verify is not given out
        for content in (as_json, as_pdf):
            _accept(await verify_pack(content, rego=self._rego, pinned_key=self._key.fingerprint))
        return BuiltPack(found.status, found.line, as_json, as_pdf)

    def _prepare(self, contents: PackContents) -> tuple[bytes, bytes, str, tuple[Artifact, ...]]:
        """pack.json, the JSON pack, the pages as HTML, and the files. Runs in a thread: a large pack takes a second."""
        files = artifacts_of(contents)
        unsafe = [file.name for file in files if not is_safe_name(file.name)]
        if unsafe:
            raise PackRejected(f"not a name a pack can hold: {unsafe[0][:200]!r}", code="pack_refused", absent=unsafe)
        index = pack_document(contents, certificate=self._key.certificate)
        signature = self._key.sign(signed_message(index))
        page = document(contents, signer=self._key.fingerprint)
        return encode_index(index, signature), encode_pack(index, signature, files), page, files


def _accept(report: PackReport) -> None:
    if not report.ok:
        failed = [f"{step.code}: {step.detail}" for step in report.steps if step.code]
        raise PackRejected(
            f"the {report.form} pack does not verify: {failed[0]}", code="pack_inconsistent", codes=list(report.codes)
        )
