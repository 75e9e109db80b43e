"""Derived evidence: how much a release owes to its dependencies, by age, vulnerability and place in their graph."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComponentDebt:
    """One component. `severity` is the worst of its vulnerabilities (None: none, or none rated), `vulnerabilities`
    their number. `days_behind` is from its version's release to that of the newest known one; None where unknown.
    `rank` is its PageRank times the number of components (1 is average), `score` what it owes, >= 0."""

    package: str
    version: str
    severity: str | None
    vulnerabilities: int
    days_behind: int | None
    rank: float
    score: float


@dataclass(frozen=True, slots=True)
class DependencyDebt:
    """All components, the most indebted first. `ranked`: whether any SBOM stated a dependency graph; if not, every
    rank is 1. `analysed`: whether anything spoke of vulnerabilities."""

    sboms: tuple[str, ...]  # evidence ids
    advisories: str | None
    analysed: bool
    ranked: bool
    components: tuple[ComponentDebt, ...]
