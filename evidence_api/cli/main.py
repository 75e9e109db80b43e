"""Command line, first step: the command named is looked up in a table, loaded alone, and run.

The table is data, so `--help` imports nothing but itself, and the light install (client, formats,
verifier) runs every command that needs no server: a missing package is named with the extra that has it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import evidence_api
from evidence_api.cli import output
from evidence_api.domain.errors import EvidenceError

PROGRAM = "evidence-api"
SYSTEM_PACKAGES = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the table: `target` is "module:attribute", `extra` what it needs beyond the base install."""

    name: str
    target: str
    help: str
    panel: str
    extra: str = ""


START, EVIDENCE, RULES, ACCESS = "Start", "Evidence and packs", "Catalog and policies", "Operators"

COMMANDS: Sequence[Command] = (
    Command(
        "quickstart",
        "evidence_api.cli.quickstart:quickstart",
        "Assess this project itself: database, signed release, verdicts, pack, server.",
        START,
        "server,embedded",
    ),
    Command("serve", "evidence_api.cli.serve:serve", "Run the server.", START, "server"),
    Command("migrate", "evidence_api.cli.migrate:migrate", "Bring the database to this version.", START, "server"),
    Command("attest", "evidence_api.cli.attest:attest", "Make a signed statement of an SBOM, a report, …", EVIDENCE),
    Command("submit", "evidence_api.cli.submit:submit", "Send evidence, check the receipts' proofs.", EVIDENCE),
    Command("override", "evidence_api.cli.override:override", "Accept a control as not met, signed.", EVIDENCE),
    Command("artifact", "evidence_api.cli.artifact:app", "Send and fetch raw files by their digest.", EVIDENCE),
    Command("inspect", "evidence_api.cli.inspect:app", "Verify one envelope or bundle offline, show it.", EVIDENCE),
    Command("release", "evidence_api.cli.release:app", "Which controls failed, why, who can fix it.", EVIDENCE),
    Command("evidence", "evidence_api.cli.evidence:app", "Show evidence, fetch its exact bytes.", EVIDENCE),
    Command("query", "evidence_api.cli.query:query", "Ask a server, or several organisations, in GraphQL.", EVIDENCE),
    Command("drift", "evidence_api.cli.drift:drift", "What changed since the last green release.", EVIDENCE, "server"),
    Command("pack", "evidence_api.cli.pack:app", "Build, list and fetch audit packs.", EVIDENCE, "server"),
    Command("verify", "evidence_api.cli.verify:app", "Verify a pack offline, deriving every verdict again.", EVIDENCE),
    Command(
        "verify-receipt",
        "evidence_api.cli.verify_receipt:app",
        "Verify offline that the server gave an answer.",
        EVIDENCE,
    ),
    Command("reverify", "evidence_api.cli.reverify:reverify", "Verify stored evidence again.", EVIDENCE, "server"),
    Command("reperform", "evidence_api.cli.reperform:reperform", "Recompute decisions from their inputs.", EVIDENCE),
    Command("kinds", "evidence_api.cli.kinds:app", "Kinds of decisions and predicates, their JSON Schema.", EVIDENCE),
    Command("pii", "evidence_api.cli.pii:app", "Find personal data and secrets, redact them.", EVIDENCE, "server"),
    Command("catalog", "evidence_api.cli.catalog:app", "Check the controls, show what they compile to.", RULES),
    Command("policy", "evidence_api.cli.policy:app", "Test Rego policies, ask them for a decision.", RULES),
    Command("osv", "evidence_api.cli.osv:app", "Import advisories of an OSV feed, show them.", RULES, "server"),
    Command("document", "evidence_api.cli.document:app", "GraphQL documents clients name by digest.", ACCESS, "server"),
    Command("schema", "evidence_api.cli.schema:app", "Print the GraphQL schema, compare it.", RULES, "server"),
    Command("tenant", "evidence_api.cli.tenant:app", "Tenants, their keys and trusted identities.", ACCESS, "server"),
    Command("trust", "evidence_api.cli.trust:app", "Whose evidence a tenant takes, for what.", ACCESS, "server"),
    Command("peer", "evidence_api.cli.peer:app", "Organisations that may ask signed questions.", ACCESS, "server"),
    Command("token", "evidence_api.cli.token:app", "Create, list and revoke API tokens.", ACCESS, "server"),
    Command("access", "evidence_api.cli.access:app", "Who read what; check it against the log.", ACCESS, "server"),
)

_TABLE = {command.name: command for command in COMMANDS}
# Commands inside a group that need less, or more, than the group does.
_INNER = {
    "token exchange": Command("token exchange", "evidence_api.cli.exchange:exchange", "", ACCESS),
    "peer key": Command("peer key", "evidence_api.cli.peer_key:key", "", ACCESS),
    "policy telemetry": Command("policy telemetry", "evidence_api.cli.policy_telemetry:telemetry", "", RULES, "server"),
    "catalog replay": Command("catalog replay", "evidence_api.cli.replay:replay", "", RULES, "server"),
    "catalog progress": Command("catalog progress", "evidence_api.cli.progress:progress", "", RULES, "server"),
}

_EXAMPLES = """\
[bold]Examples[/bold]

  evidence-api quickstart --once
  evidence-api attest sbom.cdx.json --subject app.tar.gz --key signer.pem --out sbom.dsse.json
  evidence-api submit sbom.dsse.json --server URL --token TOKEN
  evidence-api inspect sbom.dsse.json --key signer.pem
  evidence-api release show app --server URL --token TOKEN
  evidence-api verify audit-pack.pdf

Every command takes --json. Exit codes: 0 yes, 1 no, 2 used wrongly or unsupported, 3 could not decide.
"""


class LazyCommands(TyperGroup):
    """A group whose commands are their help line until one of them is run."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  typer keeps its click types private
        """Find the command named, then put the real one in the place of its help line."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        inner = _INNER.get(f"{name} {rest[0]}") if rest else None
        if inner is not None:
            return inner.name, load(inner), rest[1:]
        return (name, load(_TABLE[name]), rest) if name in _TABLE else (name, placeholder, rest)


def load(command: Command) -> Any:  # noqa: ANN401  the same
    """Import one command. Raises EvidenceError `extra_missing` when a package outside the base is absent."""
    module, attribute = command.target.split(":")
    try:
        loaded = getattr(import_module(module), attribute)
    except ModuleNotFoundError as fault:
        if (fault.name or "").partition(".")[0] == evidence_api.__name__ or not command.extra:
            raise
        raise EvidenceError(
            f"`{PROGRAM} {command.name}` needs more than the base install",
            code="extra_missing",
            install=f"pip install {PROGRAM}[{command.extra}]",
            missing=fault.name,
        ) from fault
    except OSError as fault:
        raise EvidenceError(
            f"`{PROGRAM} {command.name}` needs a library of the system: {fault}",
            code="system_library_missing",
            install=SYSTEM_PACKAGES,
        ) from fault
    if not isinstance(loaded, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(command.name)(loaded)
        loaded = alone
    return typer.main.get_command(loaded)


def _version(*, asked: bool) -> None:
    if asked:
        output.say(f"{PROGRAM} {evidence_api.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=lambda value: _version(asked=value), is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Signed evidence in, recomputed verdicts out, and audit packs that verify offline."""


def application() -> typer.Typer:
    """The root of the command line, every command by name and help line only."""
    app = typer.Typer(
        name=PROGRAM,
        cls=LazyCommands,
        epilog=_EXAMPLES,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    for command in COMMANDS:
        app.command(command.name, help=command.help, rich_help_panel=command.panel)(_placeholder)
    return app


def _placeholder() -> None:
    """Stand in for a command in the list; `LazyCommands` never runs it."""


def main(arguments: Sequence[str]) -> int:
    """Run one command line; gives the exit code. `--json` anywhere makes failures JSON too."""
    command = typer.main.get_command(application())
    try:
        with output.edge(as_json="--json" in arguments):
            result = command.main(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except typer.Exit as left:
        return left.exit_code
    except typer.Abort:
        return output.USAGE
    return result if isinstance(result, int) else output.OK


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))
