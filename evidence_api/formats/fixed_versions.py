"""What an advisory says of the versions a package is fixed in."""

from evidence_api.domain.advisory import Advisory
from evidence_api.formats.packages import advisory_name, advisory_names, parse_purl

MAX_VERSIONS = 20


def fixed_versions(advisory: Advisory, package: str) -> tuple[str, ...]:
    """The versions its ranges end at, each once, in the record's order; commits are left out. `package` is a package
    URL, with a version or without."""
    url = parse_purl(package)
    if url is None or advisory.withdrawn is not None:
        return ()
    names = {(ecosystem, name) for ecosystem, name, _ in advisory_names(url)}
    found = (
        event.version
        for affected in advisory.affected
        if (affected.ecosystem, advisory_name(affected.ecosystem, affected.name)) in names
        for each in affected.ranges
        if each.type != "GIT"
        for event in each.events
        if event.type == "fixed"
    )
    return tuple(dict.fromkeys(found))[:MAX_VERSIONS]
