"""OSCAL, last step: the controls of a catalog or a resolved profile as a framework of ours.

Refs are the labels people write (AC-2(1)) where every control has one of its own, otherwise the ids. Withdrawn
controls are left out. Text is taken only where asked for, because most frameworks may not be copied.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evidence_api.domain.control import Criterion, Framework
from evidence_api.domain.errors import Malformed
from evidence_api.formats.catalog_fields import MAX_TEXT
from evidence_api.formats.oscal_catalog import OscalControl, read_catalog
from evidence_api.formats.oscal_document import OscalDocument
from evidence_api.formats.oscal_profile import resolve
from evidence_api.formats.oscal_prose import Prose

REFS = ("auto", "label", "id")


@dataclass(frozen=True, slots=True)
class ImportedFramework:
    """The framework, the headings above its criteria by ref, and how many withdrawn controls were left out."""

    framework: Framework
    headings: Mapping[str, str]
    withdrawn: int


def import_framework(
    document: OscalDocument,
    sources: Mapping[str, OscalDocument],
    framework: Framework,
    *,
    text: bool = False,
    refs: str = "auto",
) -> ImportedFramework:
    """A catalog, or a profile resolved against `sources` (by file name), as the criteria of `framework`, which has
    everything but criteria. `refs` is one of REFS. Raises Malformed with the JSON path, TooLarge."""
    if document.model == "profile":
        if not sources:
            message = "a profile selects controls of a catalog, and no catalog was given"
            raise Malformed(message, code="no_source", path="$.profile.imports", value=document.title[:80])
        catalog = resolve(document, sources)
    else:
        catalog = read_catalog(document)
    live = [control for control in catalog.controls if not control.withdrawn]
    if not live:
        root = document.root.path
        raise Malformed(f"{root} holds no control that is not withdrawn", code="empty_catalog", path=root)
    named = _refs(live, refs)
    prose = Prose(catalog.params, MAX_TEXT)
    criteria = tuple(
        Criterion(named[control.id], prose.title(control), prose.statement(control) if text else "") for control in live
    )
    headings = _headings(live, named)
    return ImportedFramework(replace(framework, criteria=criteria), headings, len(catalog.controls) - len(live))


def _refs(controls: list[OscalControl], wanted: str) -> dict[str, str]:
    """Refs by id: labels where wanted and every control has its own, otherwise the ids as they are."""
    ids = {control.id: control.id for control in controls}
    if wanted == "id":
        return ids
    labels = {control.id: control.label for control in controls}
    first: dict[str, OscalControl] = {}
    for control in controls:
        label = labels[control.id]
        if label and first.setdefault(label, control) is control:
            continue
        if wanted == "auto":
            return ids
        what = f"has the label of {first[label].node.path}" if label else "has no label without a class"
        raise control.node.bad("props", what, label, code="duplicate_id" if label else None)
    return labels


def _headings(controls: list[OscalControl], named: Mapping[str, str]) -> dict[str, str]:
    """The groups of a control, above the first that stands in them."""
    headings: dict[str, str] = {}
    last: tuple[str, ...] = ()
    for control in controls:
        if control.groups != last:
            headings[named[control.id]] = " / ".join(control.groups)
            last = control.groups
    return headings


def describe(document: OscalDocument, imported: ImportedFramework) -> str:
    """What the file says of where it is from."""
    lines = [f'Imported from the OSCAL {document.model} "{document.title}",']
    lines.append(f"version {document.version}, uuid {document.uuid}, OSCAL {document.oscal_version}.")
    if imported.withdrawn:
        lines.append(f"Withdrawn controls, left out: {imported.withdrawn}.")
    return "\n".join(lines)
