"""`urn:evidence-api:plugin-review:v1` -> kind `plugin_review`: one reviewer's judgement of one version of a plugin."""

from typing import Annotated, Literal

from pydantic import Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, Several, Word, known_facts, read_model


class PluginReview(Own):
    """The predicate. `permissions` are those the reviewer saw the plugin ask for; empty: it asks for none."""

    producer: Producer
    decided: Moment = Field(alias="decidedAt", description="When it was decided, RFC 3339")
    plugin: Word
    version: Word
    rubric: Word = Field(description="By which criteria")
    stars: Annotated[int, Field(ge=1, le=5)]
    verdict: Literal["approve", "reject"]
    permissions: Several[Word] = Field(description="What the plugin asks for; empty: nothing")
    reviewer: Word


def read_plugin_review(statement: Statement) -> Normalised:
    """Read a review. A reviewer's later one by the same rubric takes its place. Raises Malformed."""
    review = read_model(PluginReview, statement.predicate)
    facts = known_facts(
        {
            "plugin": review.plugin,
            "version": review.version,
            "rubric": review.rubric,
            "stars": review.stars,
            "verdict": review.verdict,
            "permissions": tuple(sorted(set(review.permissions))),
            "reviewer": review.reviewer,
        }
    )
    series = f"{review.plugin} {review.version} {review.rubric} {review.reviewer}"
    return Normalised("plugin_review", facts, review.decided, series=series)
