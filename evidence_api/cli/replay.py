"""`evidence-api catalog replay`: what a candidate catalog or policy would change, and which factor changes it.

Runs where the operator's other commands run: against the server's own database, in which nothing is written.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.catalog import read
from evidence_api.cli.operating import AsJson, operate
from evidence_api.cli.since import moment_of
from evidence_api.domain.errors import EvidenceError, Undecided
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.replay import MOVABLE, Factor, Flip, Group, Tally, ordered
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.engines.files import read_texts
from evidence_api.formats.policy_bundle import bundle_from_files
from evidence_api.use_cases.replay import Question, Replayer
from evidence_api.use_cases.replay_trials import Rules

_NOT_REPRODUCED = (
    "its own recorded inputs, evaluated again, give another verdict than was recorded: it was decided by another "
    "version of this program, or wrongly"
)
_MOST = 1_000  # flips told one by one


class FailOn(StrEnum):
    """What makes the exit code 1."""

    REGRESSIONS = "regressions"
    FLIPS = "flips"
    NONE = "none"


Since = Annotated[
    str, typer.Option(metavar="WHEN", help="Releases last assessed since then: 30d, 2026-01-31, an RFC 3339 time.")
]
Candidate = Annotated[Path | None, typer.Option(metavar="DIR", help="The candidate catalog; else the one in force.")]
Policy = Annotated[Path | None, typer.Option(metavar="DIR", help="The candidate policies; else those in force.")]
Tenant = Annotated[str, typer.Option(envvar="EVIDENCE_TENANT", help="One tenant; else all.")]
OneRelease = Annotated[str, typer.Option(help="One release: name, name@version or evidence id.")]
Hold = Annotated[
    list[str] | None,
    typer.Option(metavar="FACTOR", help=f"Leave this as recorded; may be repeated: {', '.join(MOVABLE)}."),
]
At = Annotated[str, typer.Option(metavar="WHEN", help="The moment to evaluate at; now if not given.")]
Gate = Annotated[FailOn, typer.Option(help="What makes the exit code 1.")]


def replay(
    *,
    since: Since,
    candidate: Candidate = None,
    policy: Policy = None,
    tenant: Tenant = "",
    release: OneRelease = "",
    hold: Hold = None,
    at: At = "",
    fail_on: Gate = FailOn.NONE,
    json: AsJson = False,
) -> None:
    """Evaluate recorded releases again under a candidate: who flips, why, and what moved it.

    Each release is taken as it was last assessed, and then with the candidate catalog and policy,
    with the evidence, waivers and later checks there are now, at the present time.
    For every verdict that changes, one of these is swapped at a time to name what moved it:
    evidence, catalog, policy, waiver, trust root, time.

    A regression is a control that passed or did not apply, and no longer does. Nothing is written.

    Exit code 1: the candidate does not load, or --fail-on says so. 3: it could not be decided, or --fail-on
    was given and no release was assessed since then: a gate does not open on nothing.
    """
    held = frozenset(map(_factor, hold or ()))

    async def use(application: Application) -> dict[str, Any]:
        now = application.clock.now()
        rules = _rules(application, candidate, policy)
        question = Question(rules, moment_of(since, now), moment_of(at, now) if at else now, held, release)
        tenancy = application.tenancy
        scopes = [await tenancy.named(tenant)] if tenant else await tenancy.every()
        replayer = Replayer(application.database, application.rego)
        return _answer(question, {scope.name: await _run(replayer, scope, question, quiet=json) for scope in scopes})

    answer = operate(use)
    (output.print_json if json else _show)(answer)
    if fail_on is not FailOn.NONE:
        _gate(answer, fail_on)


def _gate(answer: Mapping[str, Any], fail_on: FailOn) -> None:
    """Raises Exit 1 for what --fail-on names, Undecided `nothing_replayed` where there was nothing to judge by."""
    if answer[fail_on.value]:
        raise typer.Exit(output.NO)
    if not any(tenant["replayed"] for tenant in answer["tenants"]):
        since = _short(answer["since"])
        message = f"no release was assessed since {since}, so --fail-on {fail_on.value} says nothing; go further back"
        raise Undecided(message, code="nothing_replayed", value=since)


def _factor(name: str) -> Factor:
    """A factor by name; `trust-root` is taken too. Raises EvidenceError `usage`."""
    found = next((factor for factor in MOVABLE if factor.value == name.replace("-", " ")), None)
    if found is None:
        raise EvidenceError(f"--hold: no factor {name[:80]!r}; there are {', '.join(MOVABLE)}", code="usage")
    return found


def _rules(application: Application, candidate: Path | None, policy: Path | None) -> Rules:
    """The candidate where there is one, else what is in force. Raises InvalidSource with every fault."""
    return Rules(
        application.catalog if candidate is None else read(candidate),
        application.policy if policy is None else bundle_from_files(read_texts(policy, (".rego", ".yaml", ".json"))),
    )


async def _run(replayer: Replayer, scope: TenantScope, question: Question, *, quiet: bool) -> Tally:
    tally = Tally(most=_MOST)
    whole = await replayer.count(scope, question)
    with output.progress(f"replaying releases of {scope.name}", whole, quiet=quiet) as progress:
        async for flips in replayer.run(scope, question, progress):
            tally.add(flips)
    return tally


def _answer(question: Question, tallies: Mapping[str, Tally]) -> dict[str, Any]:
    """What --json prints."""
    return {
        "since": question.since,
        "at": question.at,
        "catalog": question.rules.catalog.digest,
        "policy": question.rules.policy.digest,
        "held": [factor.value for factor in ordered(question.held)],
        **{name: sum(tally.counts[name] for tally in tallies.values()) for name in ("flips", "regressions")},
        "tenants": [_tenant(name, tally) for name, tally in tallies.items()],
    }


def _tenant(name: str, tally: Tally) -> dict[str, Any]:
    return {
        "tenant": name,
        "replayed": tally.replayed,
        "touched": tally.touched,
        "flips": tally.counts["flips"],
        "regressions": tally.counts["regressions"],
        "groups": [_group(group) for group in tally.worst_first()],
        "listed": [_flip(flip) for flip in tally.flips],
    }


def _group(group: Group) -> dict[str, Any]:
    return {"count": group.count, "releases": group.releases, **_flip(group.example)}


def _flip(flip: Flip) -> dict[str, Any]:
    return {
        "release": flip.release,
        "control": flip.control,
        "from": flip.before,
        "to": flip.after,
        "regression": flip.regression,
        "moved": [list(one) for one in flip.moved],
        "was": flip.was,
        "now": flip.now,
        "note": flip.note,
    }


def _show(answer: Mapping[str, Any]) -> None:
    held = f", {' and '.join(answer['held'])} as recorded" if answer["held"] else ""
    output.say(f"catalog {answer['catalog'][:19]}…, policy {answer['policy'][:19]}…, at {_short(answer['at'])}{held}")
    for tenant in answer["tenants"]:
        for group in tenant["groups"]:
            output.say("")
            output.print_fields(_lines(group), title=_title(group))
        output.say(
            f"\n{tenant['tenant']}: releases assessed since {_short(answer['since'])}: {tenant['replayed']}; "
            f"flips: {tenant['flips']} (in releases: {tenant['touched']}); regressions: {tenant['regressions']}"
        )


def _title(group: Mapping[str, Any]) -> str:
    word = "REGRESSION  " if group["regression"] else ""
    return f"{word}{group['control']}  {group['from']} -> {group['to']}"


def _lines(group: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The card of a group: the sentences are those of its first release."""
    more = group["count"] - len(group["releases"])
    releases = ", ".join(group["releases"]) + (f" and {more:,} more" if more else "")
    return [
        ("moved by", told(group["moved"]) or group["note"]),
        ("", _NOT_REPRODUCED if any(Factor.SOFTWARE in one for one in group["moved"]) else ""),
        ("was", group["was"]),
        ("now", group["now"]),
        ("releases", releases),
    ]


def told(moved: Sequence[Sequence[str]]) -> str:
    """What moved it, in words: what stands between two `or` suffices by itself."""
    return ", or ".join(one[0] if len(one) == 1 else f"{' and '.join(one)} together" for one in moved)


def _short(moment: datetime) -> str:
    return format_rfc3339(moment.replace(microsecond=0))
