"""What is fuzzed: every function that reads bytes from outside, with examples it accepts."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeAlias

from evidence_api.domain.control import Framework
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.engines.secrets import find_secrets
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.formats import containers, strict_json
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.catalog_format import format_source
from evidence_api.formats.catalog_lint import lint
from evidence_api.formats.checkpoint import Checkpoint, NoteVerifier, checkpoint_text, format_note, parse_checkpoint
from evidence_api.formats.documents import DOCUMENTS, recognise_document
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.formats.framework_yaml import framework_yaml
from evidence_api.formats.json_items import items_of
from evidence_api.formats.leaf import parse_leaf
from evidence_api.formats.oscal_document import read_document
from evidence_api.formats.oscal_framework import import_framework
from evidence_api.formats.pii_documents import redacted
from evidence_api.formats.receipt import receipt_from_json
from evidence_api.formats.trust_rules import parse_rules
from evidence_api.use_cases.check import Trust, check_evidence
from tests.support import oscal, statements
from tests.support.sigstore_authorities import IDENTITY, ISSUER
from tests.support.sigstore_factory import Sigstore

Target: TypeAlias = tuple[Callable[[bytes], object], tuple[bytes, ...]]

_KEY = EnvelopeSigner.generate("ed25519", "fuzz")
_SIGSTORE = Sigstore()
_TRUST = Trust(
    keys=(_KEY.public_key,),
    identities=(IdentityRule(ISSUER, IDENTITY),),
    verifier=BundleVerifier(_SIGSTORE.trusted_root()),
)
_STATEMENTS = (
    statements.provenance(),
    statements.provenance_v02(),
    statements.sbom(),
    statements.test_result(),
    statements.vulns(),
    statements.github_checks(),
    statements.policy_decision(),
    statements.release(),
)


def _json(value: Any) -> bytes:  # noqa: ANN401  any JSON value
    return json.dumps(value).encode()


def _envelope(statement: Any) -> bytes:  # noqa: ANN401  any JSON value
    return encode_envelope(_KEY.sign(IN_TOTO, _json(statement)))


_BOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"timestamp": "2026-01-02T03:04:05Z", "component": {"type": "application", "name": "shop"}},
    "components": [
        {
            "type": "library",
            "bom-ref": "left",
            "name": "left",
            "version": "1.3.0",
            "purl": "pkg:npm/left@1.3.0",
            "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        }
    ],
    "dependencies": [{"ref": "left", "dependsOn": []}],
    "vulnerabilities": [
        {
            "id": "CVE-2026-1",
            "ratings": [{"severity": "high", "score": 7.5, "method": "CVSSv31"}],
            "affects": [{"ref": "left"}],
        }
    ],
}
_BOM_XML = b"""<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">
  <components><component type="library" bom-ref="left"><name>left</name><version>1.3.0</version>
    <licenses><license><id>MIT</id></license></licenses><purl>pkg:npm/left@1.3.0</purl></component></components>
</bom>"""
_SPDX = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "shop",
    "documentNamespace": "https://example.com/shop",
    "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: made-1.0"]},
    "packages": [
        {
            "SPDXID": "SPDXRef-left",
            "name": "left",
            "versionInfo": "1.3.0",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "licenseConcluded": "MIT",
            "licenseDeclared": "MIT",
            "copyrightText": "NOASSERTION",
            "checksums": [{"algorithm": "SHA256", "checksumValue": "ab" * 32}],
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:npm/left@1.3.0",
                }
            ],
        }
    ],
    "relationships": [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-left"}
    ],
}
_SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "scan", "rules": [{"id": "R1", "defaultConfiguration": {"level": "error"}}]}},
            "results": [
                {
                    "ruleId": "R1",
                    "ruleIndex": 0,
                    "message": {"text": "bad"},
                    "locations": [
                        {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 1}}}
                    ],
                    "suppressions": [{"kind": "inSource"}],
                }
            ],
        }
    ],
}
_JUNIT = b"""<?xml version="1.0"?>
<testsuites><testsuite name="unit" tests="2" failures="1" errors="0" skipped="0" time="0.5"
  timestamp="2026-01-02T03:04:05"><testcase classname="a" name="one" time="0.2"/>
  <testcase classname="a" name="two" time="0.3"><failure message="no">text</failure></testcase></testsuite>
</testsuites>"""
_VEX = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.com/vex/1",
    "author": "security",
    "timestamp": "2026-01-02T03:04:05Z",
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": "CVE-2026-1"},
            "products": [{"@id": "pkg:npm/left@1.3.0"}],
            "status": "not_affected",
            "justification": "vulnerable_code_not_present",
        }
    ],
}
_COSIGN = {
    "invocation": {"uri": "", "event_id": "", "builder.id": ""},
    "scanner": {"uri": "scan", "version": "1", "db": {"uri": "", "version": ""}, "result": {"Results": []}},
    "metadata": {"scanStartedOn": "2026-01-02T03:04:05Z", "scanFinishedOn": "2026-01-02T03:05:05Z"},
}
_CHECKS = {
    "total_count": 1,
    "check_runs": [
        {
            "id": 1,
            "name": "build",
            "head_sha": "ab" * 20,
            "status": "completed",
            "conclusion": "success",
            "started_at": "2026-01-02T03:04:05Z",
            "completed_at": "2026-01-02T03:05:05Z",
            "app": {"id": 15368, "slug": "github-actions"},
        }
    ],
}
_DECISION = {
    "decision_id": "4ca636c1-55e4-417a-b1d8-4aceb67960d1",
    "labels": {"id": "1", "version": "1.0"},
    "bundles": {"authz": {"revision": "r1"}},
    "path": "release/allow",
    "input": {"number": 1},
    "result": True,
    "timestamp": "2026-01-02T03:04:05.123456Z",
}
_OSV = {
    "schema_version": "1.6.0",
    "id": "GHSA-aaaa-bbbb-cccc",
    "modified": "2026-01-02T03:04:05Z",
    "aliases": ["CVE-2026-1"],
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "left"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.1"}]}],
            "versions": ["1.3.0"],
        }
    ],
}
DOCUMENT_EXAMPLES: Mapping[str, bytes] = {
    "cyclonedx": _json(_BOM),
    "cyclonedx-xml": _BOM_XML,
    "spdx": _json(_SPDX),
    "sarif": _json(_SARIF),
    "junit": _JUNIT,
    "openvex": _json(_VEX),
    "cosign-vuln": _json(_COSIGN),
    "check-runs": _json(_CHECKS),
    "opa-decision": _json(_DECISION),
    "osv": _json(_OSV),
}

_NOTE = format_note(
    checkpoint_text(Checkpoint("evidence.test/acme", 1, b"\x01" * 32)),
    NoteVerifier("evidence.test/acme", b"\x02" * 32),
    b"\x03" * 64,
)
_RECEIPT = {
    "evidenceId": f"sha256:{'ab' * 32}",
    "leafIndex": 0,
    "treeSize": 1,
    "leaf": "e30=",
    "inclusionProof": [],
    "checkpoint": _NOTE,
    "created": True,
}
_RULES = b"""rules:
  - name: release
    issuer: https://token.actions.githubusercontent.com
    repository_id: "123"
"""
_CONTROL = b"""id: IG-SC-1
title: Signed
query:
  - kind: attest
    where: provenance==verified && sbom.criticals==0
"""
_FOLDED = b"""id: IG-SC-1   # kept
query:
  - {kind: opa, where: '!("x" in rules)||(denies==0)', population: {where: 'area in ["a b"]'}}
  - kind: attest
    where: >-
      provenance==verified &&
        (sbom.criticals==0 || !sbom.present)
  - kind: provenance
    where: "started > 2026-01-31T00:00:00Z"
"""
_OSCAL = oscal.catalog(
    groups=[
        {
            "title": "Access",
            "controls": [
                oscal.control(
                    "ac-1",
                    props=[oscal.prop("label", "AC-1")],
                    params=[
                        {"id": "p1", "label": "time", "constraints": [{"description": "yearly"}]},
                        {"id": "p2", "select": {"how-many": "one-or-more", "choice": ["{{ insert: param, p1 }}", "b"]}},
                    ],
                    parts=oscal.statement("Every {{ insert: param, p2 }}:", {"name": "item", "prose": "Do."}),
                    controls=[oscal.control("ac-1.1", props=[oscal.prop("status", "withdrawn")])],
                )
            ],
        }
    ],
)
_OSCAL_PROFILE = oscal.profile(
    oscal.importing("ac-1"),
    {"href": "#x", "include-controls": [{"matching": [{"pattern": "ac-*"}], "with-child-controls": "yes"}]},
    merge={"custom": {"groups": [{"title": "G", "insert-controls": [{"order": "ascending", "include-all": {}}]}]}},
    modify={
        "set-parameters": [{"param-id": "p1", "values": ["a day"]}],
        "alters": [
            {
                "control-id": "ac-1",
                "removes": [{"by-name": "label"}],
                "adds": [{"position": "after", "by-id": "s", "parts": [{"name": "item", "prose": "More."}]}],
            }
        ],
    },
)


def _oscal(body: bytes) -> object:
    """An OSCAL catalog or profile as an operator brings it, to the file that is written of it."""
    base = {"base.json": oscal.read(_OSCAL)}
    empty = Framework("own", "Own", "1", "cc0", ())
    imported = import_framework(read_document(body), base, empty, text=True)
    return framework_yaml(imported.framework, imported.headings)


def _catalog(body: bytes) -> object:
    """A catalog file, as an operator writes it: text that is not UTF-8 is refused before the catalog sees it."""
    return load_catalog({"internal/one.yaml": body.decode("utf-8", "replace")})


def _formatted(body: bytes) -> object:
    """A catalog file formatted: once is enough, and what loaded still loads and is asked for a second look."""
    text = body.decode("utf-8", "replace")
    formatted = format_source(text, "one.yaml")
    assert format_source(formatted, "one.yaml") == formatted, "formatting twice gives something else"
    load_catalog({"one.yaml": text})
    return lint(load_catalog({"one.yaml": formatted}), date(2026, 9, 1))


TARGETS: Mapping[str, Target] = {
    "upload": (
        lambda body: check_evidence(body, _TRUST),
        (
            *map(_envelope, _STATEMENTS),
            *map(_json, _STATEMENTS),
            _json(_SIGSTORE.of_statement()),
            _json(_SIGSTORE.of_message()),
            _json(_SIGSTORE.of_message_v2()),
            *DOCUMENT_EXAMPLES.values(),
        ),
    ),
    "attested": (
        lambda body: check_evidence(_wrapped(body), _TRUST),
        tuple(_json(statement) for statement in _STATEMENTS),
    ),
    "container": (containers.split, (_json({"attestations": [{"bundle": _SIGSTORE.of_message()}]}),)),
    "decision log": (lambda body: list(items_of(body)), (_json([_DECISION, _DECISION]),)),
    "json": (strict_json.load_object, (_json(_BOM),)),
    "recognise": (recognise_document, tuple(DOCUMENT_EXAMPLES.values())),
    **{name: (DOCUMENTS[name].read, (example,)) for name, example in DOCUMENT_EXAMPLES.items()},
    "personal data": (
        lambda body: redacted(body, find_secrets),
        (_json({"by": "jane@example.org", "n": 4111111111111111, "k": ["AKIAIOSFODNN7EXAMPLQ"]}), _BOM_XML),
    ),
    "checkpoint": (parse_checkpoint, (_NOTE.encode(),)),
    "receipt": (lambda body: receipt_from_json(strict_json.load_object(body)), (_json(_RECEIPT),)),
    "leaf": (
        parse_leaf,
        (b'{"evidence":"sha256:%s","kind":"sbom","received":"2026-01-02T03:04:05.000000Z"}' % (b"ab" * 32),),
    ),
    "trust rules": (lambda body: parse_rules(body.decode("utf-8", "replace"), "rules.yaml"), (_RULES,)),
    "catalog": (_catalog, (_CONTROL,)),
    "catalog format": (_formatted, (_CONTROL, _FOLDED)),
    "oscal": (_oscal, (_json(_OSCAL), _json(_OSCAL_PROFILE))),
}


def _wrapped(body: bytes) -> bytes:
    """Properly signed, whatever it says: what a key gone bad could send."""
    return encode_envelope(_KEY.sign(IN_TOTO, body))
