"""SLSA provenance v1 (v1.0, v1.1, v1.2 share it, and the draft before it) -> kind `provenance`.

Source: slsa.dev/spec/v1.2/build-provenance. `sources` are the digests of those `resolvedDependencies` that are
Git commits of the repository `externalParameters` name; where none matches, of the only one with a `gitCommit`.
Digests inside externalParameters are what somebody asked for, not what the builder resolved: they do not count.
"""

from typing import Any

from pydantic import Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.build_source import (
    Material,
    digests_in_order,
    named_ref,
    named_sources,
    ref_of,
    repository_of,
    source_among,
)
from evidence_api.formats.predicates.shape import Moment, Several, ThirdParty, count_of, known_facts, read_model
from evidence_api.formats.statement import read_resource


class BuildDefinition(ThirdParty):
    """What was asked for, and what it resolved to."""

    build_type: str = Field(alias="buildType", min_length=1)
    parameters: dict[str, Any] | None = Field(default=None, alias="externalParameters")
    dependencies: Several[dict[str, Any]] | None = Field(default=None, alias="resolvedDependencies")


class Builder(ThirdParty):
    """Who built: `id` is a URI."""

    id: str = Field(min_length=1)


class Metadata(ThirdParty):
    """When, and as what run."""

    invocation: str | None = Field(default=None, alias="invocationId")
    started: Moment | None = Field(default=None, alias="startedOn")
    finished: Moment | None = Field(default=None, alias="finishedOn")


class RunDetails(ThirdParty):
    """Of this one run."""

    builder: Builder
    metadata: Metadata | None = None


class ProvenanceV1(ThirdParty):
    """The predicate of v1."""

    definition: BuildDefinition = Field(alias="buildDefinition")
    run: RunDetails = Field(alias="runDetails")


def read_v1(statement: Statement) -> Normalised:
    """Read v1. Raises Malformed."""
    predicate = read_model(ProvenanceV1, statement.predicate)
    definition, metadata = predicate.definition, predicate.run.metadata or Metadata()
    parameters = definition.parameters or {}
    named = named_sources(parameters)
    chosen = source_among(_resolved(definition.dependencies), named)
    digests = digests_in_order(chosen)
    uri = next((one.uri for one in chosen if one.uri), "") or next(iter(named), "")
    facts = known_facts(
        {
            "builder": predicate.run.builder.id,
            "build_type": definition.build_type,
            "version": "v1",
            "source.uri": repository_of(uri),
            "source.ref": ref_of(uri) or named_ref(parameters),
            "source.digest": next(iter(digests), None),
            "invocation": metadata.invocation,
            "materials": count_of(definition.dependencies),
            "started": metadata.started,
            "finished": metadata.finished,
        }
    )
    effective = metadata.finished or metadata.started
    return Normalised("provenance", facts, effective, series=predicate.run.builder.id, sources=digests)


def _resolved(dependencies: tuple[dict[str, Any], ...] | None) -> tuple[Material, ...]:
    """Each dependency as a checked in-toto resource descriptor. Raises Malformed."""
    materials = []
    for index, one in enumerate(dependencies or ()):
        resource = read_resource(one, f"predicate.buildDefinition.resolvedDependencies.{index}")
        materials.append(Material(one.get("uri") or "", resource.digest))
    return tuple(materials)
