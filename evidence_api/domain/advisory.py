"""Read evidence: one vulnerability record of an advisory database; matching components to it starts here.

Source: OSV schema 1.x (ossf.github.io/osv-schema). Frozen and plain.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

RangeType: TypeAlias = Literal["GIT", "SEMVER", "ECOSYSTEM"]
EventType: TypeAlias = Literal["introduced", "fixed", "last_affected", "limit"]


@dataclass(frozen=True, slots=True)
class RangeEvent:
    """One change of state along the versions: from `version` on (or up to it) the package is (not) affected."""

    type: EventType
    version: str


@dataclass(frozen=True, slots=True)
class AffectedRange:
    """Versions from an `introduced` event up to a `fixed` (excluded) or `last_affected` (included) one.

    `events` are in the record's order, which says nothing: sort them by version. `introduced` "0" is before every
    version. `repo` is the repository of a GIT range, whose versions are commits.
    """

    type: RangeType
    events: tuple[RangeEvent, ...]
    repo: str = ""


@dataclass(frozen=True, slots=True)
class AffectedPackage:
    """One affected package, or ("" for all three names) a repository named by its GIT ranges only.

    `ecosystem` is the name before the first colon ("Debian"), `release` what follows it ("12"); `purl` as given.
    `versions` lists affected versions one by one; a version is affected if it is listed or in one of `ranges`.
    `severity` applies to this package only: critical, high, medium, low, none, or None where not rated.
    """

    ecosystem: str
    name: str
    release: str = ""
    purl: str = ""
    versions: tuple[str, ...] = ()
    ranges: tuple[AffectedRange, ...] = ()
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Advisory:
    """One record. `severity` is the highest the record states for all its packages (lower case), None if unrated.

    A record with `withdrawn` no longer counts. `aliases` name the same vulnerability, `upstream` what it was made
    from (a distribution's notice of a CVE), `related` others.
    """

    id: str
    modified: datetime
    published: datetime | None = None
    withdrawn: datetime | None = None
    aliases: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    summary: str = ""
    severity: str | None = None
    affected: tuple[AffectedPackage, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the vulnerability, its own first, each once."""
        return tuple(dict.fromkeys((self.id, *self.aliases)))
