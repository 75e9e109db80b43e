"""What the library raises, mapped to the step it came from; what no table knows is refused all the same."""

import pytest
from sigstore.errors import VerificationError

from evidence_api.domain.verification import Failed
from evidence_api.engines.sigstore_faults import failed_step
from evidence_api.engines.sigstore_identity import StepFailed


def raised(fault: Exception, because: Exception | None = None) -> Exception:
    try:
        raise fault from because
    except type(fault) as caught:
        return caught


def test_a_step_of_our_own_keeps_its_code_under_whatever_wraps_it() -> None:
    inner = raised(StepFailed("untrusted_identity", "nobody here knows them"))
    assert failed_step(raised(VerificationError("outer"), inner)) == Failed(
        "untrusted_identity", "nobody here knows them"
    )


@pytest.mark.parametrize("fault", [VerificationError("new words"), ValueError(""), KeyError("x"), RecursionError()])
def test_an_unknown_fault_is_verification_failed(fault: Exception) -> None:
    result = failed_step(raised(fault))
    assert result.code == "verification_failed"
    assert result.message


def test_messages_are_one_bounded_line() -> None:
    result = failed_step(raised(VerificationError("x" * 5000 + "\nsecond line")))
    assert len(result.message) <= 300
    assert "\n" not in result.message


def test_a_cycle_of_causes_ends() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__context__, two.__context__ = two, one
    assert failed_step(one).code == "verification_failed"
