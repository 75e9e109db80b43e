"""A receipt proves that the server gave an answer; each way in which it does not has a code of its own."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import Malformed
from evidence_api.domain.merkle import Frontier
from evidence_api.domain.pack_report import StepResult
from evidence_api.domain.statement import Subject
from evidence_api.engines.keys import EnvelopeSigner, NoteSigner
from evidence_api.formats.access_audit import asked_with
from evidence_api.formats.answer_receipt import RECEIPT_TYPE, Asked, TreeRead, receipt_statement
from evidence_api.formats.checkpoint import NoteVerifier
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.use_cases.append import signed_checkpoint
from evidence_api.use_cases.verify_receipt import Given, verify_receipt

QUERY = b"query Page { evidence(first: 1) { edges { node { id } } } }"
VARIABLES = {"n": 1.0, "name": "ä"}
DATA = {"evidence": {"edges": [{"node": {"id": "x", "share": 0.10}}]}}
KEY, LOG, ORIGIN = EnvelopeSigner.generate(), NoteSigner.generate(), "log.test/acme"
TREE = Frontier().append([b"\0" * 32, b"\1" * 32])
NOTE = signed_checkpoint(LOG, ORIGIN, TREE)
READ = TreeRead(2, NOTE)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ASKED = Asked("acme", "token", "t-1", digest_of(QUERY), "Page", asked_with(VARIABLES), "r-1", NOON)
GIVEN = Given(KEY.public_key, QUERY, VARIABLES, NoteVerifier(ORIGIN, LOG.public_key))


def signed(subjects: tuple[Subject, ...], predicate: dict[str, Any], predicate_type: str = RECEIPT_TYPE) -> Any:  # noqa: ANN401  JSON
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": one.name, "digest": dict(one.digest)} for one in subjects],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return orjson.loads(encode_envelope(KEY.sign(IN_TOTO, canonical(statement))))


def answer(tree: TreeRead = READ, asked: Asked = ASKED, **more: object) -> dict[str, Any]:
    said = {"data": DATA, **more}
    return {**said, "extensions": {"receipt": signed(*receipt_statement(asked, tree, orjson.dumps(said)))}}


def codes(document: Any, given: Given = GIVEN) -> tuple[str, ...]:  # noqa: ANN401  JSON
    return verify_receipt(orjson.dumps(document), given).codes


def test_a_receipt_holds() -> None:
    report = verify_receipt(orjson.dumps(answer()), GIVEN)
    assert report.ok
    assert [step.result for step in report.steps] == [StepResult.HELD] * 7
    assert report.receipt is not None
    assert (report.receipt.tenant, report.receipt.as_of, report.receipt.operation) == ("acme", 2, "Page")


def test_spaces_the_order_of_members_and_ways_to_write_a_number_do_not_matter() -> None:
    text = orjson.dumps(dict(reversed(answer().items())), option=orjson.OPT_INDENT_2).replace(b"0.1", b"1e-1")
    assert verify_receipt(text, GIVEN).ok


def test_what_is_not_given_is_not_checked_and_said_so() -> None:
    report = verify_receipt(orjson.dumps(answer()), Given(KEY.public_key))
    assert report.ok
    assert [step.result for step in report.steps[4:6]] == [StepResult.NOT_APPLICABLE] * 2
    assert "not checked without" in report.steps[6].detail


def test_a_line_feed_at_the_end_of_the_document_and_no_variables_are_looked_past() -> None:
    assert codes(answer(), replace(GIVEN, document=QUERY + b"\n")) == ()
    assert codes(answer(asked=replace(ASKED, variables="")), replace(GIVEN, variables={})) == ()


def test_errors_are_part_of_the_answer() -> None:
    partial = answer(errors=[{"message": "no", "extensions": {"code": "forbidden"}}])
    assert codes(partial) == ()
    del partial["errors"]
    assert codes(partial) == ("answer_changed",)


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:  # noqa: ANN401  any JSON value
    def change(document: dict[str, Any]) -> None:
        *way, last = path.split(".")
        inner: Any = document
        for name in way:
            inner = inner[int(name)] if name.isdecimal() else inner[name]
        inner[int(last) if last.isdecimal() else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_set("extensions", {}), "no_receipt"),
        (_set("extensions", None), "no_receipt"),
        (_set("extensions.receipt.payload", "?"), "malformed"),
        (_set("extensions.receipt.signatures", []), "zero_signatures"),
        (_set("extensions.receipt.signatures.0.sig", "AAAA"), "bad_signature"),
        (_set("data.evidence.edges.0.node.id", "y"), "answer_changed"),
        (_set("data.evidence.edges", []), "answer_changed"),
        (_set("data", None), "answer_changed"),
        (_set("errors", []), "answer_changed"),
        (_set("data.large", 2**60), "answer_changed"),
    ],
)
def test_a_changed_answer_is_found(change: Callable[[dict[str, Any]], None], code: str) -> None:
    document = copy.deepcopy(answer())
    change(document)
    assert codes(document) == (code,)


def test_a_member_told_twice_is_refused() -> None:
    text = orjson.dumps(answer()).replace(b'{"data":', b'{"data":{},"data":', 1)
    assert verify_receipt(text, GIVEN).codes == ("malformed",)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (replace(GIVEN, key=EnvelopeSigner.generate().public_key), "unknown_key"),
        (replace(GIVEN, document=QUERY.replace(b"1", b"2")), "other_document"),
        (replace(GIVEN, variables={**VARIABLES, "n": 2}), "other_variables"),
        (replace(GIVEN, variables={}), "other_variables"),
        (replace(GIVEN, log=NoteVerifier(ORIGIN, NoteSigner.generate().public_key)), "checkpoint_signature"),
        (replace(GIVEN, log=NoteVerifier("log.test/rival", LOG.public_key)), "checkpoint_signature"),
    ],
)
def test_another_question_key_or_log_is_found(given: Given, code: str) -> None:
    assert codes(answer(), given) == (code,)


def test_a_checkpoint_of_another_tree_is_found() -> None:
    assert codes(answer(TreeRead(3, NOTE))) == ("checkpoint_mismatch",)
    assert codes(answer(TreeRead(2, "nonsense"))) == ("checkpoint_mismatch",)
    assert codes(answer(TreeRead(2, ""))) == ("checkpoint_mismatch",)
    assert codes(answer(TreeRead(2, NOTE.replace("\n2\n", "\n3\n"))), replace(GIVEN, log=None)) == (
        "checkpoint_mismatch",
    )


def test_what_the_key_signed_for_another_purpose_is_no_receipt() -> None:
    subjects, predicate = receipt_statement(ASKED, READ, orjson.dumps({"data": DATA}))
    for receipt in (
        signed(subjects, predicate, "urn:evidence-api:reperformance:v1"),
        signed((*subjects, *subjects), predicate),
        signed((Subject("answer", {"sha512": "0" * 128}),), predicate),
        signed(subjects, {**predicate, "more": 1}),
        signed(subjects, {**predicate, "asOf": "2"}),
        orjson.loads(encode_envelope(KEY.sign("text/plain", b"{}"))),
    ):
        assert codes({"data": DATA, "extensions": {"receipt": receipt}}) == ("not_an_answer_receipt",)


def test_what_has_no_canonical_form_gets_no_receipt() -> None:
    with pytest.raises(Malformed):
        receipt_statement(ASKED, READ, b'{"data": {"n": 36028797018963968}}')
