import pytest

from evidence_api.domain.errors import Unauthenticated
from evidence_api.domain.token import new_token, token_hash


def test_a_new_token_is_accepted_and_hashes_to_32_bytes() -> None:
    token = new_token("ci")
    assert token.startswith("evs_ci_")
    assert len(token_hash(token)) == 32


def test_two_tokens_differ() -> None:
    assert token_hash(new_token()) != token_hash(new_token())


@pytest.mark.parametrize("position", range(len("evs_api_"), len("evs_api_") + 36))
def test_one_mistyped_character_is_noticed_without_asking_the_store(position: int) -> None:
    token = new_token("api")
    other = "A" if token[position] != "A" else "B"
    with pytest.raises(Unauthenticated) as refused:
        token_hash(token[:position] + other + token[position + 1 :])
    assert refused.value.code == "unauthenticated"


@pytest.mark.parametrize(
    "text", ["", "evs_", "Bearer", "evs_api_" + "0" * 36, "évs_api_" + "0" * 36, "evs_api_" + "0" * 37]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        token_hash(text)
