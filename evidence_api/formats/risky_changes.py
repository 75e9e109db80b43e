"""Deriving, sixth step, its judgement: which changes the policy calls risky, and which version to take instead."""

from collections.abc import Iterable, Sequence
from functools import cmp_to_key

from evidence_api.domain.drift import ComponentVulnerability, RiskPolicy, RiskyChange
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.component_changes import Bill, Changes, Part
from evidence_api.formats.licences import licence_class
from evidence_api.formats.versions import compare_versions, rule_of
from evidence_api.formats.vulnerability_claims import at_least


def risky_changes(  # noqa: PLR0913, PLR0917  both sides, what changed, and what it is judged by
    before: Bill,
    after: Bill,
    changes: Changes,
    counting: Iterable[ComponentVulnerability],
    advisories: AdvisoryIndex | None,
    policy: RiskPolicy,
) -> list[RiskyChange]:
    """The changes that the policy calls risky, in no order. A licence may be risky where only it changed."""
    severe: dict[tuple[str, str], list[ComponentVulnerability]] = {}
    for one in counting:
        if at_least(one.severity, policy.severity):
            severe.setdefault((one.package, one.version), []).append(one)
    found = []
    for (package, version), (kind, earlier) in changes.kinds.items():
        part = after.parts[package][version]
        classes = {licence_class(one) for one in part.licences}.intersection(policy.licences)
        if classes:
            classes -= {licence_class(one) for old in before.parts.get(package, {}).values() for one in old.licences}
        serious = severe.get((package, version), []) if kind != "unchanged" else []
        if classes or serious:
            others = {*before.parts.get(package, ()), *after.parts[package]}
            nearest = _nearest_unaffected(part, others, serious, advisories, policy) if serious else None
            ids = tuple(sorted(one.id for one in serious))
            found.append(RiskyChange(package, earlier, version, ids, tuple(sorted(classes)), nearest))
    return found


def _nearest_unaffected(
    part: Part,
    others: Iterable[str],
    serious: Sequence[ComponentVulnerability],
    advisories: AdvisoryIndex | None,
    policy: RiskPolicy,
) -> str | None:
    """The next version up, or else the last one down, that no advisory about these vulnerabilities or of that severity
    affects or may affect; None if one of them is in no advisory, for then nothing says where it ends.

    Candidates are the versions that advisories call fixed and those that the SBOMs show to exist.
    """
    url, now = part.package.url, part.package.version
    told = all(any(source.startswith("osv:") for source in one.sources) for one in serious)
    if advisories is None or url is None or not told:
        return None
    names = {name for one in serious for name in one.names}
    rule = rule_of(url.type)
    candidates = {*advisories.fixes(part.package), *others} - {now}
    order = {version: compare_versions(rule, now, version) for version in candidates}

    def compare(one: str, other: str) -> int:
        return compare_versions(rule, one, other) or 0

    by_version = cmp_to_key(compare)
    upwards = sorted(sorted(one for one in candidates if order[one] == -1), key=by_version)
    downwards = sorted(sorted(one for one in candidates if order[one] == 1), key=by_version, reverse=True)
    for version in (*upwards, *downwards):
        matches = advisories.matches(part.package, version)
        about = {name for match in matches for name in (*match.advisory.names, *match.advisory.upstream)}
        if names.isdisjoint(about) and not any(at_least(match.severity, policy.severity) for match in matches):
            return version
    return None
