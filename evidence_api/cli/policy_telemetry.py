"""`evidence-api policy telemetry`: the weekly tuning pack, or what policies did and which rules to change first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, operate
from evidence_api.cli.since import moment_of
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.policy_telemetry import Telemetry
from evidence_api.formats.tuning_pack import telemetry_to_json, tuning_json, tuning_markdown
from evidence_api.use_cases.policy_telemetry import PolicyTelemetry


def telemetry(
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="How long ago (7d, 12h), a day, or an RFC 3339 time.")
    ] = "7d",
    tenant: Annotated[str, typer.Option(envvar="EVIDENCE_TENANT", help="One tenant alone. Default: all.")] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write <tenant>.md and <tenant>.json to this folder.")
    ] = None,
    *,
    json: AsJson = False,
) -> None:
    """Tell what policies allowed and denied, by rule: how much more than before, what was overridden, what never fired.

    Counted are the server's own gates, the decisions asked for, and the decision logs of agents, by full hours.
    """

    async def use(application: Application) -> list[Telemetry]:
        now = application.clock.now()
        begin, tenancy = moment_of(since, now), application.tenancy
        scopes = (await tenancy.named(tenant),) if tenant else await tenancy.every()
        reader = PolicyTelemetry(application.database, application.policy)
        return [await reader.read(scope, begin, now) for scope in scopes]

    told = operate(use)
    written = _write(out, told) if out is not None else []
    if json:
        output.print_json({"tenants": [telemetry_to_json(one) for one in told], "files": list(map(str, written))})
    elif written:
        for path in written:
            output.say(str(path))
    else:
        for one in told:
            output.print_document(tuning_markdown(one).rstrip("\n").encode())


def _write(folder: Path, told: Sequence[Telemetry]) -> list[Path]:
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in told:
            for suffix, content in ((".md", tuning_markdown(one).encode()), (".json", tuning_json(one))):
                path = folder / f"{one.tenant}{suffix}"
                path.write_bytes(content)
                written.append(path)
    except OSError as fault:
        raise EvidenceError(f"{fault.filename}: {fault.strerror}", code="unreadable_file", path=str(folder)) from fault
    return written
