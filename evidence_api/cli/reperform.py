"""`evidence-api reperform`: computes decisions again from their inputs, offline, and says where a claim differs."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, assert_never

import typer

from evidence_api.cli import output
from evidence_api.domain.decisions.off_policy import Episodes
from evidence_api.domain.decisions.reperforming import Reperformance, Status
from evidence_api.domain.errors import EvidenceError, Refused, Undecided
from evidence_api.engines.artifact_files import ArtifactFiles
from evidence_api.engines.episode_reader import EpisodeReader
from evidence_api.engines.files import shipped
from evidence_api.engines.rego import RegoPool
from evidence_api.formats.decision_items import DecisionItem, Item, decision_items, expected_items, result_line
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.policies import load_policy
from evidence_api.use_cases.reperform import Reperforming

REFUSED, UNDECIDED = "REFUSED", "UNDECIDED"
Result: TypeAlias = Reperformance | Refused | Undecided
_PERCENT = 100


def reperform(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="JSON object, array or JSON Lines of {predicateType, predicate}, or envelopes; - is stdin."
        ),
    ],
    *,
    policy: Annotated[Path | None, typer.Option(help="Folder of policies; the shipped ones if left out.")] = None,
    artifacts: Annotated[
        list[Path] | None,
        typer.Option(help="File or folder with what decisions name by digest (episodes); any number of times."),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print sentences for people instead of JSON Lines.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON Lines (so it does without, too).")] = False,
) -> None:
    """Recompute decisions from their inputs and compare: one line of JSON for each, in the order given.

    A line is {status, differences: [{path, claimed, recomputed}], reason}. Status AGREES, DISAGREES, NOT_REPERFORMABLE
    (the reason says what is missing), REFUSED with `code` and `path` for what is no valid decision, or UNDECIDED with
    `code` where an engine gave no answer (out of time or memory); those after it are computed all the same.

    Exit code 1 when any disagrees, else 3 when any is undecided, else 2 when any was refused.
    """
    bodies = [_bytes(path) for path in files]
    items = (item for body in bodies for item in decision_items(body))  # a large file's are never all here at once
    given = _Given(policy or shipped("policy"), ArtifactFiles(artifacts or ()), quiet=json)
    with output.progress("reperforming", sum(map(expected_items, bodies)), quiet=json) as advance:
        told = asyncio.run(_reperform(items, given, _teller(as_text=text and not json), advance))
    if text and not json:
        output.say(", ".join(f"{count} {status.lower()}" for status, count in sorted(told.items())))
    if told[Status.DISAGREES]:
        raise typer.Exit(output.NO)
    if told[UNDECIDED]:
        raise typer.Exit(output.UNDECIDED)
    if told[REFUSED]:
        raise typer.Exit(output.USAGE)


def _bytes(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as fault:
        raise EvidenceError(f"{path}: {fault.strerror}", code="unreadable_file", path=str(path)) from fault


async def _reperform(
    items: Iterable[Item],
    given: "_Given",
    tell: Callable[[Result], None],
    advance: Callable[[int], None],
) -> Counter[str]:
    told: Counter[str] = Counter()
    async with _reperforming(given) as reperforming:
        for item in items:
            result = await _one(reperforming, item)
            tell(result)
            advance(1)
            told[_status(result)] += 1
    return told


async def _one(reperforming: Reperforming, item: Item) -> Result:
    if not isinstance(item, DecisionItem):
        return item
    try:
        return await reperforming.of(item.predicate_type, item.predicate)
    except (Refused, Undecided) as fault:
        return fault


def _status(result: Result) -> str:
    match result:
        case Reperformance():
            return result.status
        case Refused():
            return REFUSED
        case Undecided():
            return UNDECIDED
        case _:
            assert_never(result)


@dataclass(frozen=True, slots=True)
class _Given:
    """What decisions may need besides their inputs."""

    policy: Path
    files: ArtifactFiles
    quiet: bool

    async def episodes(self, digest: str) -> Episodes | None:
        """What the file of that digest holds, None when no file has it. Raises Refused, Undecided."""
        file = await asyncio.to_thread(self.files.find, digest)
        if file is None:
            return None
        with output.progress(f"percent read of {file.name}", _PERCENT, quiet=self.quiet) as advance:
            done = 0

            def told(_rows: int, share: float) -> None:
                nonlocal done
                percent = int(share * _PERCENT)
                advance(percent - done)
                done = percent

            return await EpisodeReader().read(file, told)


@asynccontextmanager
async def _reperforming(given: _Given) -> AsyncIterator[Reperforming]:
    """The engine is started only for decisions that need a rule."""
    started: list[Gate] = []
    async with AsyncExitStack() as stack:

        async def gate() -> Gate:
            if not started:
                rego = await stack.enter_async_context(RegoPool(workers=1))
                started.append(Gate(rego, await load_policy(rego, given.policy)))
            return started[0]

        yield Reperforming(gate, given.episodes)


def _teller(*, as_text: bool) -> Callable[[Result], None]:
    return _say if as_text else _print


def _print(result: Result) -> None:
    sys.stdout.buffer.write(result_line(_shown(result)))


def _shown(result: Result) -> dict[str, Any]:
    if not isinstance(result, Reperformance):
        fault = {"status": _status(result), "differences": [], "reason": result.message, "code": result.code}
        return {**result.fields, **fault}
    differences = [
        {"path": one.path, "claimed": one.claimed, "recomputed": one.recomputed} for one in result.differences
    ]
    return {"status": result.status, "differences": differences, "reason": result.reason}


def _say(result: Result) -> None:
    if not isinstance(result, Reperformance):
        output.say(f"{_status(result)} {result.code}: {result.message}")
        return
    output.say(f"{result.status} {result.reason}")
    for one in result.differences:
        output.say(f"  {one.path}: claimed {one.claimed}, recomputed {one.recomputed}")
