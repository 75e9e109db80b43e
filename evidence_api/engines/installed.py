"""The Python packages of this installation, read from their own metadata: what an SBOM of it lists."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions

from packaging.requirements import InvalidRequirement, Requirement

_EXTRA = "evidence-api-no-extra"  # requirements behind an extra are another installation's


@dataclass(frozen=True, slots=True)
class Installed:
    """One package: its normalised name, version, licence as it states it ("" if it does not), the SHA-256
    of its RECORD ("" if it has none) and the normalised names of what it requires here."""

    name: str
    version: str
    licence: str
    record: str
    requires: tuple[str, ...]


def installed_packages() -> tuple[Installed, ...]:
    """Every package this Python can import, sorted by name; of two with one name, the one imported."""
    found: dict[str, Installed] = {}
    for distribution in distributions():
        one = _read(distribution)
        found.setdefault(one.name, one)
    return tuple(found[name] for name in sorted(found))


def plain_name(name: str) -> str:
    """A project name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(distribution: Distribution) -> Installed:
    record = distribution.read_text("RECORD")
    return Installed(
        name=plain_name(distribution.name),
        version=distribution.version,
        licence=_licence(distribution),
        record=hashlib.sha256(record.encode()).hexdigest() if record else "",
        requires=tuple(sorted(set(_required(distribution.requires or ())))),
    )


def _licence(distribution: Distribution) -> str:
    """The licence expression (PEP 639), else a short licence field, else the classifiers' last words."""
    metadata = distribution.metadata
    stated = next((str(metadata[name]).strip() for name in ("License-Expression", "License") if name in metadata), "")
    if stated and stated != "UNKNOWN" and "\n" not in stated:
        return stated
    classified = [str(one) for one in metadata.get_all("Classifier") or () if str(one).startswith("License ::")]
    return ", ".join(sorted({one.rpartition(" :: ")[2] for one in classified}))


def _required(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # written before PEP 508; it names nothing we could link to
        if requirement.marker is None or requirement.marker.evaluate({"extra": _EXTRA}):
            yield plain_name(requirement.name)
