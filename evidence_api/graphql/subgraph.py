"""The subgraph: a read-only schema of its own for Apollo Federation v2, with a `_entities` that can be let out.

Of a representation, `__typename` must be one of three names and `digest`, a digest, its only other member; whatever
else it holds is refused, not passed on. Each is answered by itself: one that is malformed is null with an error at its
place, one that is absent, or another tenant's, is null. The tenant is the credential's. All of a type are read
together.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry.federation.schema import FederationAny

from evidence_api.domain.errors import EvidenceError, Malformed, TooLarge
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cost_directives import with_costs
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.scalars import config
from evidence_api.graphql.subgraph_types import (
    ABOUT,
    SubgraphArtifact,
    SubgraphDecision,
    SubgraphEvidence,
    about,
    decision_in,
    record,
)

MOST = 100  # representations of one request
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}\Z")
_DIGEST = re.compile(r"[a-z0-9][a-z0-9_+.-]{0,31}:[0-9a-fA-F]{1,256}\Z")
_FORMS = {"Artifact": _DIGEST, "Evidence": _SHA256, "Decision": _SHA256}


@strawberry.type(name="Query", description="What other graphs may begin with.")
class SubgraphQuery:
    """One root field; the rest is come to by reference."""

    @resolved("Something evidence is about; null if nothing is.")
    async def artifact(
        self,
        info: Info,
        digest: Annotated[str, strawberry.argument(description='Its digest as "algorithm:hex".')],
    ) -> SubgraphArtifact | None:
        """By its digest."""
        return await _artifact(info, _checked("Artifact", digest), await _now(info))


class Subgraph(strawberry.federation.Schema):
    """The federation schema, with its own way from representations to entities."""

    async def entities_resolver(  # type: ignore[override]  # ours reads, so it waits; strawberry awaits what a field gives
        self, info: Info, representations: list[FederationAny]
    ) -> list[FederationAny]:
        """One entity, null, or the error of each representation, in order. Raises TooLarge."""
        if len(representations) > MOST:
            raise TooLarge(
                f"{len(representations)} representations in one request, at most {MOST} are answered",
                code="too_many_representations",
                path="representations",
                limit=MOST,
                value=len(representations),
            )
        at = await _now(info)
        found: Any = await asyncio.gather(*(_entity(info, one, at) for one in representations))
        return list(found)


def build_subgraph() -> strawberry.Schema:
    """A new schema object of the subgraph."""
    types = [SubgraphArtifact, SubgraphEvidence, SubgraphDecision]
    return with_costs(Subgraph(query=SubgraphQuery, types=types, config=config(), federation_version="2.7"))


async def _entity(info: Info, representation: object, at: Moment) -> object:
    """What a representation stands for; an error of ours is given back, and becomes the error of this one alone."""
    try:
        name, digest = _named(representation)
        if name == "Artifact":
            return await _artifact(info, digest, at)
        row = await record(info, digest, at)
        if row is None:
            return None
        return SubgraphEvidence.of(row, at) if name == "Evidence" else await decision_in(info, row, at)
    except EvidenceError as refused:
        return refused


def _named(representation: object) -> tuple[str, str]:
    """The type and digest of a representation. Raises Malformed `bad_representation`."""
    if not isinstance(representation, Mapping):
        raise _bad("a representation is an object")
    name = representation.get("__typename")
    if not isinstance(name, str) or name not in _FORMS:
        raise _bad(f"`__typename` is one of {', '.join(sorted(_FORMS))}")
    beyond = sorted(str(key)[:40] for key in representation if key not in {"__typename", "digest"})
    if beyond:
        raise _bad(f"{name} is known by its digest; {', '.join(beyond[:5])} is not taken")
    return name, _checked(name, representation.get("digest"))


def _checked(name: str, digest: object) -> str:
    if not isinstance(digest, str) or not _FORMS[name].match(digest):
        raise _bad(f"the digest of {name} is algorithm:hex" if name == "Artifact" else "the digest is sha256:<64 hex>")
    return digest


def _bad(said: str) -> Malformed:
    return Malformed(said, code="bad_representation", path="representations")


async def _artifact(info: Info, digest: str, at: Moment) -> SubgraphArtifact | None:
    return SubgraphArtifact(at=at, digest=digest) if await about(info, digest, ABOUT, at) else None


async def _now(info: Info) -> Moment:
    return Moment(await info.context.session.tree_size(None), pinned=False)
