"""`evidence-api quickstart`: the whole path once, on this project itself, over real HTTP.

  1. the database starts, migrates, and the catalog and policies load      bootstrap.py
  2. this project is looked at and described in signed statements          use_cases/sample.py
  3. a tenant, the signing key it trusts, a token                          use_cases/quickstart.py
  4. each statement is submitted; each receipt is proved                   cli/sending.py
  5. the pack is built over HTTP and written here; its verdicts are shown
  6. with --once it ends here, otherwise the server stays
Running it again uses the same database, tenant and key, and supersedes what it said before.
"""

import asyncio
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
import uvloop

from evidence_api.bootstrap import Application, open_application
from evidence_api.cli import output
from evidence_api.cli.client import Client
from evidence_api.cli.logs import configure_logs
from evidence_api.cli.sending import check_receipt
from evidence_api.cli.serving import serving
from evidence_api.domain.assessment import WORST_FIRST
from evidence_api.engines.files import shipped, write_file
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.checkpoint import parse_verifier
from evidence_api.formats.upload import identity, recognise
from evidence_api.settings import Settings
from evidence_api.use_cases import quickstart as steps
from evidence_api.use_cases.sample import Sample, describe
from evidence_api.use_cases.sample_checks import commands

_PACKAGE = Path(__file__).resolve().parents[1]
_PDF, _JSON = "audit-pack.pdf", "audit-pack.json"
_MARKS = {"pass": "✓", "fail": "✗", "error": "!", "missing": "?", "stale": "~"}
_SAID_BY_THE_OUTCOME = ("Passed: ", "Failed: ", "Evidence is missing: ", "Evidence is too old: ", "Not applicable: ")
_SHOWN = 88  # characters of a reason; the pack has all of it
_LAST = {outcome.value: place for place, outcome in enumerate(reversed(WORST_FIRST))}


@dataclass(frozen=True, slots=True)
class Shown:
    """What one run did: receipts, and the verdicts of the pack it wrote."""

    sample: Sample
    receipts: Sequence[dict[str, Any]]
    status: str
    findings: Sequence[dict[str, Any]]
    counts: dict[str, int]

    def to_json(self, demo: steps.Demo, url: str) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "release": f"{self.sample.name}@{self.sample.version}",
            "receipts": self.receipts,
            "pack": {"status": self.status, "pdf": _PDF, "json": _JSON},
            "findings": [
                {name: finding[name] for name in ("control", "outcome", "because")} for finding in self.findings
            ],
            "counts": self.counts,
            "server": {"url": url, "tenant": demo.scope.name, "token": demo.token, "logVerifier": demo.log_verifier},
        }


def quickstart(
    once: Annotated[bool, typer.Option("--once", help="Stop after writing the pack.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve on; 0 takes a free one.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print receipts and verdicts as JSON.")] = False,
) -> None:
    """Assess this project itself: signed release in, verdicts and an audit pack out.

    Writes audit-pack.pdf and audit-pack.json into the current folder; the database and the keys stay in
    EVIDENCE_HOME. Some findings are not satisfied on purpose, to show what that looks like.
    """
    settings = Settings.from_environment(host="127.0.0.1", port=port)
    configure_logs()
    uvloop.run(_run(settings, once=once, as_json=json))


async def _run(settings: Settings, *, once: bool, as_json: bool) -> None:
    async with open_application(settings) as application:
        signer = steps.signing_key(settings.home / "keys")
        with output.waiting("looking at this project and running its checks", quiet=as_json):
            sample = await _describe(application)
        demo = await steps.prepare(application.tenancy, signer)
        async with serving(application) as server:
            shown = await asyncio.to_thread(_submit, server.url, demo, sample, signer, as_json)
            if as_json:
                output.print_json(shown.to_json(demo, server.url))
            else:
                _show(shown)
            if once:
                return
            if not as_json:
                _say_how_to_go_on(server.url, demo, sample.name)
            await server.ended()


async def _describe(application: Application) -> Sample:
    settings = application.settings
    checks = commands(_PACKAGE, settings.catalog or shipped("controls"), settings.policy or shipped("policy"))
    asked = steps.asks(_PDF)
    return await describe(_PACKAGE.parent, checks, asked, application.gate, application.clock)


def _submit(url: str, demo: steps.Demo, sample: Sample, signer: EnvelopeSigner, quiet: bool) -> Shown:
    """Everything that goes over HTTP. Raises what the server raised; a receipt that proves nothing is a fault."""
    verifier = parse_verifier(demo.log_verifier)
    receipts = []
    with Client(url, demo.token) as client:
        with output.waiting(f"submitting {len(sample.statements)} signed statements", quiet=quiet):
            for label, body in steps.envelopes(sample, signer):
                document = client.submit(body)
                check_receipt(document, identity(recognise(body)), verifier)
                receipts.append({"statement": label, **document})
        with output.waiting("assessing the release and building its pack", quiet=quiet):
            built = client.build_pack(f"{sample.name}@{sample.version}")
            content = client.get(built["json"])
            write_file(Path(_JSON), content)
            write_file(Path(_PDF), client.get(built["pdf"]))
    assessment = orjson.loads(content)["pack"]["assessment"]
    return Shown(sample, receipts, built["status"], assessment["findings"], assessment["counts"])


def _show(shown: Shown) -> None:
    output.print_table(
        ["receipt", "leaf", "of", "evidence", "proof"],
        [
            (one["statement"], one["leafIndex"], one["treeSize"], f"{one['evidenceId'][:19]}…", "proved")
            for one in shown.receipts
        ],
    )
    output.say("")
    worst_last = sorted(shown.findings, key=lambda one: _LAST.get(one["outcome"], -1))
    output.print_table(["control", "outcome", "why"], map(_verdict, worst_last))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(shown.counts.items()) if count)
    output.say(f"\n{shown.sample.name}@{shown.sample.version}: {counts}")
    output.say(
        "left so on purpose: one policy decision is a denial and the SBOM was not analysed (fail); what nobody did\n"
        "here, reviews, drills and a vulnerability scan, is missing; no model, plugin or rollout is there to judge"
    )
    output.say(f"\n{shown.status} pack written: {_PDF}, {_JSON}")
    output.say(f"check it, with no server and no database: {_program()} verify {_PDF}")


def _program() -> str:
    """How this very command can be called from here again."""
    called = Path(sys.argv[0])
    if shutil.which("evidence-api") or called.name != "evidence-api":
        return "evidence-api"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)


def _verdict(finding: dict[str, Any]) -> tuple[str, str, str]:
    outcome, because = finding["outcome"], str(finding["because"])
    for said_already in _SAID_BY_THE_OUTCOME:
        because = because.removeprefix(said_already)
    shown = because.partition(" (signed by ")[0][:_SHOWN]
    cut = "" if shown == because else "…"
    return finding["control"], f"{_MARKS.get(outcome, '-')} {outcome}", shown + cut


def _say_how_to_go_on(url: str, demo: steps.Demo, release: str) -> None:
    query = '{"query": "{ checkpoint { origin treeSize } }"}'
    output.say(f"\nserving on {url}, GraphQL at {url}/graphql, until Ctrl-C")
    output.say(f"  export EVIDENCE_SERVER={url} EVIDENCE_TOKEN={demo.token}")
    output.say(f"  {_program()} release show {release}")
    output.say("  curl -H \"Authorization: Bearer $EVIDENCE_TOKEN\" -H 'Content-Type: application/json' \\")
    output.say(f"       -d '{query}' {url}/graphql")
