"""Checking in a process of its own, the far end: bytes and a tenant's trust in, a draft of their row or a refusal out.

Started as use_cases/worker.py. It runs the same plan as
everybody (use_cases/check.py), and is given public keys, identities, the trusted root and the body: no secret.

What crosses: told (name of a trust, (keys as (PEM, name), identities, trusted root or None)); a question (name of a
trust, body, named subjects as (name, digests)); an answer ("draft", …) as `to_plain` makes it, or ("refused", class,
message, code, fields).
"""

import sys
import traceback
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import datetime
from functools import lru_cache

import orjson

from evidence_api.domain import errors
from evidence_api.domain.errors import EvidenceError, Refused
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import Verification
from evidence_api.engines.keys import load_public_key
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.engines.worker_wire import Plain
from evidence_api.formats.records import verification_from_json
from evidence_api.store.batch import Draft, draft, verification_text
from evidence_api.use_cases.check import Trust, check_evidence, name_subjects

_KEPT = 1024  # trusts; more than a worker is ever expected to remember (engines/worker_lane.py)
_ROOTS = 16
_TIMES = (11, 12)  # columns of a draft: effective, collected

DRAFT, REFUSED = "draft", "refused"


class DraftWorker:
    """Knows the trusts it was told, by name, and answers questions about them."""

    def __init__(self) -> None:
        self._trusts: OrderedDict[str, Trust] = OrderedDict()

    def __call__(self, told: Iterable[tuple[str, Plain]], questions: Iterable[Plain]) -> list[Plain]:
        """One answer for each question, in order."""
        for name, content in told:
            self._trusts[name] = trust_from_plain(content)
            self._trusts.move_to_end(name)
        while len(self._trusts) > _KEPT:
            self._trusts.popitem(last=False)
        return [_answer(body, self._trusts[name], subjects) for name, body, subjects in questions]


def _answer(body: bytes, trust: Trust, subjects: Sequence[tuple[str, dict[str, str]]]) -> Plain:
    try:
        checked = check_evidence(body, trust)
        if subjects:
            checked = name_subjects(checked, tuple(Subject(name, digest) for name, digest in subjects))
        return to_plain(draft(checked))
    except EvidenceError as fault:
        return (REFUSED, type(fault).__name__, fault.message, fault.code, fault.fields)
    except MemoryError:
        raise
    except Exception as fault:  # noqa: BLE001  a reader's own fault concerns this document alone
        sys.stderr.write(traceback.format_exc())
        return (REFUSED, Refused.__name__, f"it could not be read: {type(fault).__name__}", "unreadable", {})


def to_plain(made: Draft) -> Plain:
    """A draft as what the wire takes; times are ISO 8601."""
    columns = made.columns
    if columns is not None and (columns[11] is not None or columns[12] is not None):
        columns = tuple(one.isoformat() if isinstance(one, datetime) else one for one in columns)
    return (
        *(DRAFT, made.evidence_id, made.size, verification_text(made.verification), made.kind, made.predicate_type),
        *(columns, made.due_kind, made.subject_rows, made.links, made.release),
    )


def from_plain(plain: Plain) -> Draft:
    """The inverse. Raises the refusal that came instead."""
    if plain[0] == REFUSED:
        raise _refusal(plain)
    _, evidence_id, size, verification, kind, predicate_type, columns, due_kind, subjects, links, release = plain
    if columns is not None and (columns[11] is not None or columns[12] is not None):
        columns = tuple(
            datetime.fromisoformat(one) if at in _TIMES and one is not None else one for at, one in enumerate(columns)
        )
    known = _verification(verification)
    return Draft(evidence_id, size, known, kind, predicate_type, columns, due_kind, subjects, links, release)


def _refusal(plain: Plain) -> EvidenceError:
    _, name, message, code, fields = plain
    kind = getattr(errors, name, Refused)
    refusal: EvidenceError = kind(message, code=code, **fields)
    return refusal


@lru_cache(maxsize=4096)
def _verification(text: str) -> Verification:
    return verification_from_json(orjson.loads(text))


def trust_to_plain(trust: Trust) -> Plain:
    """A trust as what the wire takes."""
    return (
        tuple((key.pem, key.name) for key in trust.keys),
        tuple(astuple(rule) for rule in trust.identities),
        None if trust.verifier is None else trust.verifier.trusted_root,
    )


def trust_from_plain(content: Plain) -> Trust:
    """The inverse."""
    keys, identities, root = content
    return Trust(
        keys=tuple(load_public_key(pem, name) for pem, name in keys),
        identities=tuple(IdentityRule(*one) for one in identities),
        verifier=None if root is None else _verifier(root),
    )


@lru_cache(maxsize=_ROOTS)
def _verifier(root: bytes) -> BundleVerifier:
    return BundleVerifier(root)
