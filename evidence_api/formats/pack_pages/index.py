"""What the page builders look things up in: one pass over the contents, then only dictionaries."""

from collections.abc import Mapping
from dataclasses import dataclass

from evidence_api.domain.assessment import Finding
from evidence_api.domain.control import Control, CriterionMapping, Framework, Waiver
from evidence_api.domain.pack import Artifact, Completeness, PackContents, PackedEvidence
from evidence_api.formats.pack_artifacts import artifacts_of, completeness_of
from evidence_api.formats.pack_decisions import PackedDecision, decisions_in
from evidence_api.formats.pack_waivers import waivers_in


@dataclass(frozen=True, slots=True)
class PageIndex:
    """The contents beside their lookups. `signer` is the fingerprint of the pack's certificate."""

    contents: PackContents
    signer: str
    completeness: Completeness
    artifacts: tuple[Artifact, ...]
    findings: Mapping[str, Finding]
    controls: Mapping[str, Control]
    evidence: Mapping[str, PackedEvidence]
    waivers: Mapping[str, Waiver]
    decisions: Mapping[str, PackedDecision]  # evidence id -> what came of it, in leaf order
    frameworks: Mapping[str, Framework]
    mappings: Mapping[str, tuple[CriterionMapping, ...]]  # control id -> the criteria it is mapped to
    anchors: Mapping[str, str]  # control id -> HTML id

    def framework_title(self, framework_id: str) -> str:
        """How a framework is shown."""
        framework = self.frameworks.get(framework_id)
        return framework.title if framework is not None else framework_id


def index_of(contents: PackContents, *, signer: str) -> PageIndex:
    """Build every lookup the pages need."""
    mappings: dict[str, list[CriterionMapping]] = {}
    for mapping in contents.catalog.mappings:
        for control in mapping.maps_to:
            mappings.setdefault(control, []).append(mapping)
    findings = contents.assessment.findings
    return PageIndex(
        contents=contents,
        signer=signer,
        completeness=completeness_of(contents),
        artifacts=artifacts_of(contents),
        findings={finding.control: finding for finding in findings},
        controls={control.id: control for control in contents.catalog.controls},
        evidence={item.evidence.id: item for item in contents.evidence},
        waivers=waivers_in(contents),
        decisions={one.item.evidence.id: one for one in decisions_in(contents)},
        frameworks={framework.id: framework for framework in contents.catalog.frameworks},
        mappings={control: tuple(found) for control, found in mappings.items()},
        anchors={finding.control: f"control-{number}" for number, finding in enumerate(findings, 1)},
    )
