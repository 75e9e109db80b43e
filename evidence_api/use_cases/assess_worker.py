"""Assessing in a process of its own, the far end: a release's evidence in, its stored assessment out.

The plan for one release:
  1. its evidence as objects, its rows, the controls to evaluate
  2. of each control what the engine would see of the rows (domain/projection.py); what the engine said of the same
     before is taken from memory. Of what is not known here, the server is asked, which remembers what all workers
     learnt, and asks the engine: it decides, never we
  3. fold, and make the row that will be stored, its id and its timer

What crosses: told (name, (files of the catalog, digest of the policy bundle, niceness)); a question (name, release,
evidence JSON, tree size, moment, controls or None, previous assessment or None, answers of the engine or None, controls
it was asked about); an answer (ASK, input JSON, controls, what they see), (MADE, …) or (FAILED, code, message).
"""

import contextlib
import os
import sys
import traceback
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from evidence_api.domain.assessment import Assessment, assessment_input, due, fold
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.evidence import Release
from evidence_api.domain.facts import Row, rows_of
from evidence_api.domain.moving import moves_at
from evidence_api.domain.projection import EngineAnswers, Key, Projection
from evidence_api.engines.worker_wire import Plain
from evidence_api.formats.catalog import load_catalog
from evidence_api.store.assessments import StoredAssessment, outline_of, stored
from evidence_api.store.findings import StoredFindings, unpack_findings
from evidence_api.store.grounds import evidence_of

ASK, MADE, FAILED = "ask", "made", "failed"

_CATALOGS = 4  # told lately
_BEGUN = 16  # releases that wait for the engine


class AssessWorker:
    """Knows the catalogs it was told, by name, and assesses releases by them."""

    def __init__(self) -> None:
        self._rules: OrderedDict[str, _Rules] = OrderedDict()

    def __call__(self, told: Iterable[tuple[str, Plain]], questions: Iterable[Plain]) -> list[Plain]:
        """One answer for each question, in order."""
        for name, content in told:
            self._rules[name] = _Rules(*content)
        while len(self._rules) > _CATALOGS:
            self._rules.popitem(last=False)
        return [self._answer(name, *question) for name, *question in questions]

    def _answer(self, name: str, *question: Plain) -> Plain:
        try:
            return self._rules[name].assess(*question) if question else (MADE,)
        except EvidenceError as fault:
            return (FAILED, fault.code, fault.message)
        except MemoryError:
            raise
        except Exception as fault:  # noqa: BLE001  one release's evidence must not stop the assessment of all others
            sys.stderr.write(traceback.format_exc())
            return (FAILED, "internal", f"{type(fault).__name__}: {fault}"[:500])


@dataclass(frozen=True, slots=True)
class _Begun:
    """A release whose assessment waits for the engine."""

    release: Release
    at: datetime
    rows: tuple[Row, ...]
    texts: StoredFindings | None
    earlier: Assessment | None
    wanted: frozenset[str] | None
    names: Sequence[str]
    keys: Mapping[str, Key]
    given: bytes


class _Rules:
    """One catalog with its policy bundle, and what the engine said of it so far."""

    def __init__(self, sources: Mapping[str, str], policy_digest: str, niceness: int) -> None:
        self._catalog = load_catalog(sources)
        self._policy_digest = policy_digest
        self._projection = Projection(self._catalog)
        self._answers = EngineAnswers()
        self._begun: OrderedDict[tuple[object, ...], _Begun] = OrderedDict()
        with contextlib.suppress(OSError):
            os.nice(niceness)

    def assess(  # noqa: PLR0913, PLR0917  a question
        self,
        release: Plain,
        evidence: str,
        tree_size: int,
        at: str,
        only: Sequence[str] | None,
        previous: Plain,
        decided: bytes | None,
        asked: Collection[str],
    ) -> Plain:
        """The plan. `decided` is the engine's answer about the controls `asked`."""
        # The evidence too: two tenants may have been given the same statement of a release.
        name = (release, evidence, tree_size, at, None if only is None else tuple(only))
        begun = self._begun.pop(name, None) or self._begin(Release(*release), evidence, at, only, previous)
        about, keys = begun.release, begun.keys
        answers: dict[str, Any] = dict(self._answers.known(keys, about.digests))
        if decided is not None:
            answers |= self._learn(orjson.loads(decided), {one: keys[one] for one in asked if one in keys}, about)
        unknown = [one for one in begun.names if one not in answers and one not in asked]
        if unknown:
            self._begun[name] = begun  # the answer comes back to this worker, or to another, which begins again
            if len(self._begun) > _BEGUN:
                self._begun.popitem(last=False)
            return (ASK, begun.given, unknown, {one: keys[one] for one in unknown if one in keys})
        made = fold(
            *(self._catalog, about, begun.rows, answers),
            tree_size=tree_size,
            at=begun.at,
            policy_digest=self._policy_digest,
            only=begun.wanted,
            previous=begun.earlier,
        )
        moves = moves_at(self._catalog, about, begun.rows, begun.at)
        kept = _kept_texts(begun.texts, begun.earlier, made)
        return (MADE, to_plain(stored(made, kept)), None if moves is None else moves.isoformat())

    def _begin(self, about: Release, evidence: str, at: str, only: Sequence[str] | None, previous: Plain) -> "_Begun":
        """Steps 1 and 2."""
        moment, rows = datetime.fromisoformat(at), rows_of(about, evidence_of(evidence))
        before = assessment_row(previous) if previous else None
        texts = unpack_findings(before.findings) if before else None
        earlier = outline_of(before, texts) if before and texts else None
        wanted = due(self._catalog, only, earlier, self._policy_digest, rows)
        given = assessment_input(self._catalog, about, rows, moment, wanted)
        names = [one.id for one in self._catalog.controls if wanted is None or one.id in wanted]
        keys = self._projection.keys(given, names)
        given.pop("only", None)  # whoever asks the engine says what for
        return _Begun(about, moment, rows, texts, earlier, wanted, names, keys, orjson.dumps(given))

    def _learn(self, told: dict[str, Any], keys: Mapping[str, Key], about: Release) -> dict[str, Any]:
        self._answers.learn(keys, told, about.digests)
        return told


def _kept_texts(texts: StoredFindings | None, earlier: Assessment | None, made: Assessment) -> dict[str, bytes]:
    """The JSON of findings that were taken over as they are."""
    if texts is None or earlier is None:
        return {}
    held = {id(one): text for one, text in zip(earlier.findings, texts.texts, strict=True)}
    return {one.control: held[id(one)] for one in made.findings if id(one) in held}


def to_plain(row: StoredAssessment) -> Plain:
    """A row as what the wire takes."""
    return (
        *(row.id.bytes, row.release, row.tree_size, row.evaluated_at.isoformat(), row.catalog_digest),
        *(row.policy_digest, row.counts, row.criteria, row.notes, row.findings),
    )


def assessment_row(plain: Plain) -> StoredAssessment:
    """The inverse."""
    identity, release, tree_size, at, *rest = plain
    return StoredAssessment(UUID(bytes=identity), release, tree_size, datetime.fromisoformat(at), *rest)
