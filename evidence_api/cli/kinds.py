"""`evidence-api kinds`: the predicates of our own, what becomes of their claims, and their JSON Schema."""

from typing import Annotated

import typer

from evidence_api.cli import output
from evidence_api.formats.predicate_schemas import PREDICATE_KINDS, kind_called, schema_of

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Kinds of decisions and other predicates, and their JSON Schema."
)

Json = Annotated[bool, typer.Option("--json", help="Print the kinds as JSON.")]
Same = Annotated[bool, typer.Option("--json", help="Print JSON (so it does without, too).")]
Kind = Annotated[
    str,
    typer.Argument(metavar="KIND", help="rollout-gate, rollout or urn:evidence-api:rollout-gate:v1; decision-card."),
]


@app.command("list")
def list_kinds(*, json: Json = False) -> None:
    """List every kind: its predicate, its name in catalogs, and what becomes of its claims.

    reperformed: computed again from the inputs, by anyone. deferred: the server computes some or all of it, because it
    keeps the ledger, has the rule or the uploaded file. schema only: read, with nothing to compute. derived: the
    server makes such statements itself.
    """
    kinds = PREDICATE_KINDS.values()
    if json:
        members = ("name", "kind", "predicate_type", "title", "checked")
        output.print_json(
            [
                {"predicateType" if name == "predicate_type" else name: getattr(one, name) for name in members}
                for one in kinds
            ]
        )
        return
    output.print_table(
        ("name", "kind", "checked", "title", "predicate type"),
        [(one.name, one.kind, one.checked.value, one.title, one.predicate_type) for one in kinds],
    )


@app.command("schema")
def show_schema(kind: Kind, *, json: Same = False) -> None:  # noqa: ARG001  JSON either way
    """Print the JSON Schema (2020-12) of a kind's predicate, or of the Decision Card.

    evidence-api kinds schema rollout-gate > rollout-gate.schema.json
    """
    output.print_json(schema_of(kind_called(kind)))
