"""The index of components: what SBOMs say of a component, as one row named by its content."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class IndexedComponent:
    """One component as the index has it. Two SBOMs that say the same of a component share it: `id` is the first half
    of the SHA-256 over all the others. `package` is `pkg:type/namespace/name` of its purl ("" if it has none)."""

    id: UUID
    package: str
    version: str
    name: str
    purl: str
    supplier: str
    licence: str
    hashes: tuple[str, ...]
