"""An envelope handed in as text: base64, or the caller's mistake."""

from base64 import b64encode

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.graphql.mutation import _envelope


def test_an_envelope_is_base64() -> None:
    assert _envelope(b64encode(b"{}").decode()) == b"{}"


@pytest.mark.parametrize("text", ["%", "é", "ꨀ\x1c\x8f`}", "YQ", "Y Q=="])
def test_what_is_not_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError, match="not base64"):
        _envelope(text)
