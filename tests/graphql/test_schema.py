"""The schema on record is the one served, and describes itself."""

from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)
from typer.testing import CliRunner

from evidence_api.cli.schema import app
from evidence_api.graphql import schema
from tests.support.conformance import ROOT

RECORDED = ROOT / "schema.graphql"


def test_the_schema_on_record_is_served() -> None:
    assert RECORDED.read_text() == schema.schema_text(), "run: evidence-api schema export --output schema.graphql"


def test_root_fields_have_the_names_readers_were_promised() -> None:
    query = build_schema(schema.schema_text()).query_type
    assert query is not None
    assert {
        *("evidence", "release", "control", "framework", "assessment", "finding", "checkpoint", "inclusionProof"),
        *("decisions", "trustLedger", "budgets", "modelBuckets", "rollouts"),
        *("node", "nodes", "evidenceRecord", "releases", "controls", "frameworks", "viewer", "components", "gaps"),
    } <= set(query.fields)
    assert "asOf" in query.fields["evidence"].args


def test_everything_is_described() -> None:
    built: GraphQLSchema = build_schema(schema.schema_text())
    silent: list[str] = []
    for name, kind in built.type_map.items():
        if name.startswith("__") or name in {"Int", "String", "Boolean", "ID", "Float"}:
            continue
        if not kind.description:
            silent.append(name)
        if isinstance(kind, GraphQLEnumType):
            silent += [f"{name}.{value}" for value, given in kind.values.items() if not given.description]
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if not field.description:
                    silent.append(f"{name}.{field_name}")
                arguments = {} if isinstance(kind, GraphQLInputObjectType) else field.args
                silent += [f"{name}.{field_name}({arg})" for arg, given in arguments.items() if not given.description]
    assert silent == []


def test_several_schemas_are_built_from_the_same_types() -> None:
    first, second = schema.build_schema(), schema.build_schema()
    assert first._schema is not second._schema
    assert first.as_str() == second.as_str()


def test_export_and_check(tmp_path: Path) -> None:
    runner = CliRunner()
    file = tmp_path / "schema.graphql"
    assert runner.invoke(app, ["export"]).stdout == schema.schema_text()
    assert runner.invoke(app, ["export", "--output", str(file)]).exit_code == 0
    assert runner.invoke(app, ["check", str(file)]).exit_code == 0
    file.write_text(file.read_text().replace("leafIndex: Int!", "leafIndex: Int"))
    changed = runner.invoke(app, ["check", str(file), "--json"])
    assert changed.exit_code == 1
    assert '"equal": false' in changed.stdout
