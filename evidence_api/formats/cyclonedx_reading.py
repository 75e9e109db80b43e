"""CycloneDX, after validation: its parts, in the shape they have in JSON, become an `Sbom`.

Both spellings come here: JSON as a whole, XML part by part as it is read. What a schema would have refused reads as
empty instead of failing, so that a stream may be read while it is still being checked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from evidence_api.domain.errors import TooLarge
from evidence_api.domain.rfc3339 import parse_rfc3339
from evidence_api.domain.sbom import Sbom, SbomComponent, SbomVulnerability
from evidence_api.formats.severity import Severity, severity_of_score, severity_of_word

Part: TypeAlias = Mapping[str, Any]

MAX_EDGES = 2_000_000


@dataclass(slots=True)
class BomReading:
    """What was read of one BOM so far. None is a list the document does not have: unknown, not empty."""

    top: list[SbomComponent] | None = None
    nested: list[SbomComponent] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    dependencies: int | None = None
    vulnerabilities: list[SbomVulnerability] | None = None
    _texts: dict[str, str] = field(default_factory=dict)  # equal texts kept once: refs and licences recur

    def add_components(self, components: Iterable[Part]) -> None:
        """Components of the top level, with all inside them."""
        top = self.top = self.top or []
        for component in components:
            top.append(self._component(component))
            self._nest(component)

    def add_dependencies(self, dependencies: Iterable[Part]) -> None:
        """Entries of the dependency graph. What a component merely `provides` is no dependency. Raises TooLarge."""
        self.dependencies = self.dependencies or 0
        for dependency in dependencies:
            self.dependencies += 1
            ref = self._once(dependency.get("ref", ""))
            self.edges += [(ref, self._once(other)) for other in dependency.get("dependsOn", ())]
            if len(self.edges) > MAX_EDGES:
                message = "dependencies: too many edges between components"
                raise TooLarge(message, path="dependencies", limit=MAX_EDGES, value=len(self.edges))

    def add_vulnerabilities(self, vulnerabilities: Iterable[Part]) -> None:
        """Vulnerabilities; called with none, it says that somebody looked."""
        self.vulnerabilities = self.vulnerabilities or []
        self.vulnerabilities += map(_vulnerability, vulnerabilities)

    def finish(self, version: str, serial: str, timestamp: datetime | None, metadata: Part) -> Sbom:
        """The BOM. `metadata` gives tools and subject."""
        subject = metadata.get("component")
        if subject is not None:
            self._nest(subject)
        return Sbom(
            format="cyclonedx",
            spec_version=version,
            serial=serial,
            timestamp=timestamp,
            tools=tuple(_tool_names(metadata.get("tools", ()))),
            subject=None if subject is None else self._component(subject),
            components=(*(self.top or ()), *self.nested),
            top_level=None if self.top is None else len(self.top),
            edges=None if self.dependencies is None else tuple(sorted(set(self.edges))),
            dependencies=self.dependencies,
            vulnerabilities=None if self.vulnerabilities is None else tuple(self.vulnerabilities),
        )

    def _nest(self, component: Part) -> None:
        """What is inside a component, in document order, without recursion."""
        stack = list(reversed(component.get("components", ())))
        while stack:
            inner = stack.pop()
            self.nested.append(self._component(inner))
            stack.extend(reversed(inner.get("components", ())))

    def _component(self, component: Part) -> SbomComponent:
        group, name = component.get("group", ""), component.get("name", "")
        licences, licence = self._licences(component.get("licenses", ()))
        return SbomComponent(
            ref=self._once(component.get("bom-ref", "")),
            name=f"{group}/{name}" if group else name,
            version=self._once(component.get("version", "")),
            purl=component.get("purl", ""),
            supplier=self._once(_supplier(component)),
            hashes=tuple(sorted({_hash(one) for one in component.get("hashes", ())})),
            licence=licence,
            scope=self._once(component.get("scope", "")),
            licences=licences,
        )

    def _licences(self, choices: Sequence[Part]) -> tuple[tuple[str, ...], str]:
        """Every licence stated, and all as one; where some are said to be concluded, the one is made of those."""
        if not choices:
            return (), ""
        stated = [(self._once(text), one) for one in choices if (text := _licence(one))]
        concluded = [text for text, one in stated if _acknowledgement(one) == "concluded"]
        licences = tuple(text for text, _ in stated)
        return licences, self._once(joined_licences(concluded or licences))

    def _once(self, text: str) -> str:
        return self._texts.setdefault(text, text)


@cache
def hash_name(algorithm: str) -> str:
    """An algorithm as in-toto spells it (digest_set.md): "SHA-256" and "SHA256" are sha256, "SHA3-256" is sha3_256."""
    return algorithm.lower().replace("sha-", "sha").replace("-", "_")


def joined_licences(statements: Iterable[str]) -> str:
    """Several licences of one component as one expression: all of them hold. A choice among them stays one."""
    once = tuple(dict.fromkeys(statements))
    if len(once) < 2:  # noqa: PLR2004  nothing to join
        return "".join(once)
    return " AND ".join(f"({one})" if " OR " in one.upper() else one for one in once)


def read_timestamp(text: str | None) -> datetime | None:
    """When the BOM was made. Raises Malformed for what is no time."""
    return None if text is None else parse_rfc3339(text, path="metadata.timestamp")


def _hash(entry: Part) -> str:
    return f"{hash_name(entry.get('alg', ''))}:{entry.get('content', '').lower()}"


def _supplier(component: Part) -> str:
    """Who supplies it; where nobody is named as that, who made or published it."""
    for role in ("supplier", "manufacturer"):
        name: str = component.get(role, {}).get("name", "")
        if name:
            return name
    publisher: str = component.get("publisher", "")
    return publisher


def _licence(choice: Part) -> str:
    licence = choice.get("license", {})
    stated: str = choice.get("expression") or licence.get("id") or licence.get("name") or ""
    return stated


def _acknowledgement(choice: Part) -> str:
    stated: str = choice.get("acknowledgement") or choice.get("license", {}).get("acknowledgement") or ""
    return stated


def _tool_names(tools: Any) -> Iterator[str]:  # noqa: ANN401  a list up to 1.4, a list or an object since 1.5
    """Names of the tools that made the BOM, without their versions."""
    groups = (tools.get("components", ()), tools.get("services", ())) if isinstance(tools, Mapping) else (tools,)
    for group in groups:
        for tool in group:
            if "name" in tool:
                yield tool["name"]


def _vulnerability(vulnerability: Part) -> SbomVulnerability:
    """The highest rating stated decides; the first of equals says whose it is."""
    rated: list[tuple[Severity, Part]]
    rated = [(severity, one) for one in vulnerability.get("ratings", ()) if (severity := _rating(one)) is not None]
    highest = max(rated, key=lambda pair: pair[0], default=None)
    return SbomVulnerability(
        id=vulnerability.get("id", ""),
        severity=None if highest is None else highest[0].name.lower(),
        state=vulnerability.get("analysis", {}).get("state", ""),
        affects=tuple(sorted({target["ref"] for target in vulnerability.get("affects", ()) if "ref" in target})),
        source="" if highest is None else highest[1].get("source", {}).get("name", ""),
    )


def _rating(rating: Part) -> Severity | None:
    """The stated severity; where only a CVSS score is given, the one that score stands for."""
    stated = severity_of_word(rating.get("severity", "unknown"))
    if stated is not None or "score" not in rating:
        return stated
    return severity_of_score(rating.get("method", ""), rating["score"])
