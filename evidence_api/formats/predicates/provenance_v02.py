"""SLSA provenance v0.1 and v0.2 -> kind `provenance`.

Sources: slsa.dev/provenance/v0.1 (recipe) and v0.2 (invocation, buildConfig). `sources` are the digests of
`invocation.configSource`, then those of the materials with the same repository; where neither names one, of the
only material that is a Git commit (v0.1: the material `recipe.definedInMaterial` points at comes first).
"""

from typing import Annotated, Any, TypeAlias

from pydantic import AliasChoices, Field

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.build_source import (
    BuildSource,
    Material,
    digests_in_order,
    ref_of,
    repository_of,
    source_among,
)
from evidence_api.formats.predicates.shape import Moment, Several, ThirdParty, count_of, known_facts, read_model
from evidence_api.formats.statement import read_resource

Digests: TypeAlias = dict[str, str]


class Builder(ThirdParty):
    """Who built: `id` is a URI."""

    id: str = Field(min_length=1)


class Input(ThirdParty):
    """A material or config source. Materials of some builders hold a URI without a digest."""

    uri: str | None = None
    digest: Digests | None = None


class Metadata(ThirdParty):
    """When and as what run; the spelling of the run's id differs between generators."""

    invocation: Annotated[
        str | None, Field(validation_alias=AliasChoices("buildInvocationId", "buildInvocationID"))
    ] = None
    started: Moment | None = Field(default=None, alias="buildStartedOn")
    finished: Moment | None = Field(default=None, alias="buildFinishedOn")


class Invocation(ThirdParty):
    """v0.2: what the build was started from."""

    config_source: Input | None = Field(default=None, alias="configSource")
    parameters: Any = None


class Recipe(ThirdParty):
    """v0.1: the same, by the name of its time."""

    type: str | None = None
    defined_in_material: int | None = Field(default=None, alias="definedInMaterial", ge=0)


class ProvenanceV01(ThirdParty):
    """The predicate of v0.1."""

    builder: Builder
    recipe: Recipe | None = None
    metadata: Metadata | None = None
    materials: Several[Input] | None = None


class ProvenanceV02(ThirdParty):
    """The predicate of v0.2."""

    builder: Builder
    build_type: str = Field(alias="buildType")
    invocation: Invocation | None = None
    metadata: Metadata | None = None
    materials: Several[Input] | None = None


def read_v01(statement: Statement) -> Normalised:
    """Read v0.1. Raises Malformed."""
    predicate = read_model(ProvenanceV01, statement.predicate)
    materials = _materials(predicate.materials)
    recipe = predicate.recipe or Recipe()
    index = recipe.defined_in_material
    if index is not None and index >= len(materials):
        path = "predicate.recipe.definedInMaterial"
        raise Malformed(f"{path}: there is no material {index}", path=path, limit=len(materials), value=index)
    defined = () if index is None else (materials[index],)
    source = _source(
        (*defined, *source_among(materials, [one.uri for one in defined])), defined[0].uri if defined else ""
    )
    return _normalised("v0.1", predicate, recipe.type, source)


def read_v02(statement: Statement) -> Normalised:
    """Read v0.2. Raises Malformed."""
    predicate = read_model(ProvenanceV02, statement.predicate)
    materials = _materials(predicate.materials)
    started_from = predicate.invocation.config_source if predicate.invocation else None
    if started_from is None:
        return _normalised("v0.2", predicate, predicate.build_type, _source(source_among(materials, ()), ""))
    config = _material(started_from, "predicate.invocation.configSource")
    same = [one for one in materials if config.uri and repository_of(one.uri) == repository_of(config.uri)]
    chosen = tuple(one for one in (config, *same) if one.digest) or source_among(materials, ())
    return _normalised("v0.2", predicate, predicate.build_type, _source(chosen, config.uri))


def _normalised(
    version: str, predicate: ProvenanceV01 | ProvenanceV02, build_type: str | None, source: BuildSource
) -> Normalised:
    metadata = predicate.metadata or Metadata()
    facts = known_facts(
        {
            "builder": predicate.builder.id,
            "build_type": build_type,
            "version": version,
            "source.uri": source.uri,
            "source.ref": source.ref,
            "source.digest": next(iter(source.digests), None),
            "invocation": metadata.invocation,
            "materials": count_of(predicate.materials),
            "started": metadata.started,
            "finished": metadata.finished,
        }
    )
    effective = metadata.finished or metadata.started
    return Normalised("provenance", facts, effective, series=predicate.builder.id, sources=source.digests)


def _source(chosen: tuple[Material, ...], uri: str) -> BuildSource:
    named = uri or next((one.uri for one in chosen if one.uri), "")
    return BuildSource(digests_in_order(chosen), repository_of(named), ref_of(named))


def _materials(inputs: tuple[Input, ...] | None) -> tuple[Material, ...]:
    return tuple(_material(one, f"predicate.materials.{index}") for index, one in enumerate(inputs or ()))


def _material(one: Input, path: str) -> Material:
    """Check the digests by their algorithms' lengths. Raises Malformed."""
    if one.digest:
        read_resource({"digest": one.digest}, path)
    return Material(one.uri or "", one.digest or {})
