"""A whole valid pack without a database: our own keys, log, signed statements, catalog and assessment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence_api.domain.digest import digest_of
from evidence_api.domain.evidence import Checked, Evidence, Release
from evidence_api.domain.facts import rows_of
from evidence_api.domain.merkle import Frontier, Growth, Prover, grow, leaf_hash
from evidence_api.domain.pack import Artifact, PackContents, PackedEvidence, PackedKey, PackedPolicy, PackedTrust
from evidence_api.engines.keys import EnvelopeSigner, NoteSigner
from evidence_api.engines.pack_key import PackKey, generate_pack_key
from evidence_api.engines.pades import sign_pdf
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.rego import RegoPool, policy_bundle
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.checkpoint import NoteVerifier
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.formats.leaf import leaf_bytes
from evidence_api.formats.pack import pack_document
from evidence_api.formats.pack_artifacts import artifacts_of
from evidence_api.formats.pack_file import INDEX_NAME, encode_index, encode_pack, signed_message
from evidence_api.formats.pack_pages.document import document
from evidence_api.use_cases.append import signed_checkpoint
from evidence_api.use_cases.check import Trust, check_evidence
from evidence_api.use_cases.evaluate import assess_release
from tests.support import statements
from tests.support.statements import Statement, statement_bytes

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGIN = "log.example.com/acme"
POLICY = {"limits/limits.rego": "package limits\n\nimport rego.v1\n\nlargest := 10\n"}

_CONTROLS = """\
id: IG-BLD-1
title: Builds come from provenance somebody signed
statement: Every artifact of a release is built by a builder that signs where it came from.
owner: build team
frequency: per_release
method: [inspection, reperformance]
severity: high
query:
  - kind: provenance
    where: builder != nobody
  - kind: attest
    where: provenance == verified && sbom.criticals == 0
---
id: IG-TST-1
title: Tests pass before release
owner: quality
fix: Run the suite on the release commit and upload its result.
query:
  - kind: test_result
    where: result == passed
    per: occurrence
---
id: IG-MRG-1
title: Merges pass their required checks
fix: Wait for every required check.
query:
  - kind: github_checks
    where: required == pass
---
id: IG-VUL-1
title: No critical vulnerability is shipped
query:
  - kind: vulns
    where: criticals == 0
    fresh: {max_age: P30D, clock: effective}
"""
_MAPPINGS = """\
external: SOC2-CC7.2
maps_to: [IG-BLD-1, IG-TST-1]
narrative: 'Builds are signed and tested'
---
external: SOC2-CC8.1
maps_to: [IG-MRG-1]
narrative: 'Merges are checked'
"""
_WAIVERS = """\
id: W-1
control: IG-MRG-1
reason: The check runner is down until the move is over.
owner: platform
approver: ciso@example.com
from: 2026-02-01
until: 2026-04-01
"""
SOURCES: Mapping[str, str] = {
    "internal/controls.yaml": _CONTROLS,
    "mappings/soc2.yaml": _MAPPINGS,
    "waivers/waivers.yaml": _WAIVERS,
}


def default_statements() -> Sequence[Statement]:
    """A release with provenance, an SBOM, passing tests, a failing check and a clean scan that is too old."""
    return [
        statements.release(),
        statements.provenance(),
        statements.sbom(),
        statements.test_result(),
        statements.test_result(configuration="nightly.yml"),
        statements.github_checks(conclusions=("success", "failure")),
        statements.vulns(finished="2026-01-01T00:00:00Z"),
    ]


@dataclass(frozen=True)
class PackWorld:
    """Everything a test may want to forge with: the keys of all parties beside the contents they made."""

    contents: PackContents
    key: PackKey
    ci: EnvelopeSigner
    log: NoteSigner
    growth: Growth

    def index(self, contents: PackContents | None = None) -> dict[str, Any]:
        return pack_document(contents or self.contents, certificate=self.key.certificate)

    def files(self, contents: PackContents | None = None) -> tuple[Artifact, ...]:
        return artifacts_of(contents or self.contents)

    def signed_json(self, index: Mapping[str, Any], files: Sequence[Artifact], key: PackKey | None = None) -> bytes:
        return encode_pack(index, (key or self.key).sign(signed_message(index)), files)

    def json(self, contents: PackContents | None = None) -> bytes:
        """The JSON pack, whatever the contents say: signed as the server would."""
        return self.signed_json(self.index(contents), self.files(contents))

    async def pdf(
        self,
        renderer: PdfRenderer,
        contents: PackContents | None = None,
        *,
        page: str | None = None,
        files: Sequence[Artifact] | None = None,
        index: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The PDF pack; `page`, `files` and `index` replace what would be right."""
        index = index if index is not None else self.index(contents)
        attached = Artifact(
            INDEX_NAME, "application/json", encode_index(index, self.key.sign(signed_message(index))), ""
        )
        rendered = await renderer.render(
            page or document(contents or self.contents, signer=self.key.fingerprint),
            (*(self.files(contents) if files is None else files), attached),
            at=AT,
            signer="acme",
        )
        return await sign_pdf(rendered, self.key)


async def build_world(  # noqa: PLR0913  each is one thing a test may want to be different
    rego: RegoPool,
    documents: Sequence[Statement] | None = None,
    sources: Mapping[str, str] = SOURCES,
    *,
    erased: Sequence[int] = (),
    bundles: Sequence[bytes] = (),
    trusted: PackedTrust | None = None,
    ci: EnvelopeSigner | None = None,
) -> PackWorld:
    """Sign, log and assess these statements; the first is the release. `erased` are leaves without a body;
    `bundles` are logged after the statements, checked with the root and identities of `trusted`. With an Ed25519
    signer of the test's own, the same statement is the same evidence in every world."""
    ci = ci or EnvelopeSigner.generate("ecdsa-p256", "ci")
    log = NoteSigner(Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
    trusted = trusted or PackedTrust()
    trust = Trust(
        keys=(ci.public_key,),
        identities=tuple(IdentityRule(rule.issuer, rule.identity) for rule in trusted.identities),
        verifier=BundleVerifier(trusted.trusted_root) if trusted.trusted_root else None,
    )
    checked = [_signed(ci, document, trust) for document in documents or default_statements()]
    checked += [check_evidence(bundle, trust) for bundle in bundles]
    records = [_record(one, leaf) for leaf, one in enumerate(checked)]
    leaves = [leaf_bytes(record.id, record.received, record.kind) for record in records]
    growth = grow(Frontier(), [leaf_hash(leaf) for leaf in leaves])
    prover = Prover(growth.frontier.size, growth.node)
    packed = tuple(
        PackedEvidence(
            replace(record, erased=record.leaf_index in erased),
            None if record.leaf_index in erased else one.body,
            leaf,
            prover.inclusion(record.leaf_index),
        )
        for one, record, leaf in zip(checked, records, leaves, strict=True)
    )
    catalog, policy = load_catalog(sources), policy_bundle(POLICY)
    release = _release(records[0])
    rows = rows_of(release, [item.evidence for item in packed])
    contents = PackContents(
        tenant="acme",
        log_origin=ORIGIN,
        log_key=str(NoteVerifier(ORIGIN, log.public_key)),
        checkpoint=signed_checkpoint(log, ORIGIN, growth.frontier),
        release=release,
        evidence=packed,
        assessment=await assess_release(rego, catalog, policy, release, rows, tree_size=growth.frontier.size, at=AT),
        catalog=catalog,
        rego=compile_catalog(catalog),
        policy=PackedPolicy(policy.digest, policy.modules, policy.data),
        trust=replace(trusted, keys=(PackedKey("ci", ci.public_key.pem),)),
        software={"evidence-api": "0.1.0"},
    )
    return PackWorld(contents, generate_pack_key("acme", now=AT), ci, log, growth)


def _signed(signer: EnvelopeSigner, document: Statement, trust: Trust) -> Checked:
    return check_evidence(encode_envelope(signer.sign(IN_TOTO, statement_bytes(document))), trust)


def _record(checked: Checked, leaf_index: int) -> Evidence:
    normalised = checked.normalised
    return Evidence(
        id=checked.id,
        leaf_index=leaf_index,
        received=datetime(2026, 2, 1, tzinfo=UTC) + timedelta(minutes=leaf_index),
        kind=normalised.kind,
        predicate_type=checked.predicate_type,
        media_type=checked.media_type,
        body_digest=digest_of(checked.body),
        body_size=len(checked.body),
        subjects=checked.subjects,
        verification=checked.verification,
        facts=dict(normalised.facts),
        effective=normalised.effective,
        collected=checked.collected,
        series=normalised.series,
        sources=normalised.sources,
    )


def _release(record: Evidence) -> Release:
    digests = dict.fromkeys(digest for subject in record.subjects for digest in subject.digests)
    return Release(
        record.id, str(record.facts["name"]), str(record.facts["version"]), tuple(digests), record.leaf_index
    )
