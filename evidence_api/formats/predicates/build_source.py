"""Provenance, the link artifact -> source: which digests a build's *source* has, and its URI and ref.

Only the source counts, never every dependency: a release owns evidence about the commit it was built
from, not evidence about its compiler. Sources: SLSA provenance v0.2 `configSource`, v1 `resolvedDependencies`,
SPDX download locations (`git+https://host/path@ref`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence_api.domain.statement import Subject

_GIT = frozenset({"gitCommit", "sha1"})
# Members of v1 externalParameters in which build types name the source (GitHub, Google Cloud Build, containers).
_NAMING = ("workflow", "source", "buildConfigSource", "sourceToBuild", "configSource", "repository")


@dataclass(frozen=True, slots=True)
class Material:
    """One input of a build: its URI ("" if none) and checked digests."""

    uri: str
    digest: Mapping[str, str]

    @property
    def digests(self) -> tuple[str, ...]:
        """Each as "algorithm:hex", Git commits as `sha1`."""
        return Subject(self.uri, self.digest).digests


@dataclass(frozen=True, slots=True)
class BuildSource:
    """What was built: `digests` in order of authority (the first is the fact), `uri` without ref, `ref`."""

    digests: tuple[str, ...] = ()
    uri: str = ""
    ref: str = ""


def repository_of(uri: str) -> str:
    """The repository a URI names, for comparison: without `git+`, ref, fragment, `.git` and final slash."""
    bare, _ = _split_ref(uri)
    return bare.removeprefix("git+").split("#")[0].rstrip("/").removesuffix(".git")


def ref_of(uri: str) -> str:
    """The ref after `@` in the path of a URI, or ""."""
    return _split_ref(uri)[1]


def source_among(candidates: Sequence[Material], named: Sequence[str]) -> tuple[Material, ...]:
    """The materials with a Git digest whose URI is one of the repositories `named`; if none matches, the one
    material with `gitCommit` (or, where nobody writes gitCommit, with `sha1`), provided there is only one."""
    wanted = {repository_of(uri) for uri in named if uri}
    matching = tuple(
        one for one in candidates if one.uri and _GIT & one.digest.keys() and repository_of(one.uri) in wanted
    )
    if matching:
        return matching
    for algorithm in ("gitCommit", "sha1"):
        holding = [one for one in candidates if algorithm in one.digest]
        if holding:
            return (holding[0],) if len({one.digest[algorithm] for one in holding}) == 1 else ()
    return ()


def named_sources(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The repositories v1 `externalParameters` name as the source; members of unexpected shape name none."""
    found: list[str] = []
    for member in _NAMING:
        value = parameters.get(member)
        found.extend(_uris(value))
        if isinstance(value, Mapping):
            found.extend(_uris(value.get("artifact")))
    return tuple(found)


def named_ref(parameters: Mapping[str, Any]) -> str:
    """The ref `externalParameters` state beside the repository, or ""."""
    for member in _NAMING:
        value = parameters.get(member)
        ref = value.get("ref") if isinstance(value, Mapping) else None
        if isinstance(ref, str):
            return ref
    return ""


def digests_in_order(materials: Sequence[Material]) -> tuple[str, ...]:
    """All digests of the materials, each once, in the order of the materials."""
    return tuple(dict.fromkeys(digest for material in materials for digest in material.digests))


def _uris(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [uri for key in ("repository", "uri") if isinstance(uri := value.get(key), str)]
    return []


def _split_ref(uri: str) -> tuple[str, str]:
    """`scheme://user@host/path@ref` -> (all before the ref, ref)."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        scheme, rest = "", uri
    authority, slash, path = rest.partition("/")
    bare, _, ref = path.partition("@")
    return f"{scheme}{separator}{authority}{slash}{bare}", ref
