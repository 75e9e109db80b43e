import json

from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.trust_ledger import TrustLedger
from evidence_api.domain.decisions.trust_update import Beta
from tests.support.decision_examples import reperformed

OUTCOMES = st.lists(
    st.tuples(
        st.sampled_from(["small", "large"]),
        st.sampled_from(["low", "high"]),
        st.booleans(),
        st.sampled_from(["clean", "breached"]),
    ),
    max_size=30,
)


@given(OUTCOMES)
def test_every_prior_is_the_posterior_before_it(outcomes: list[tuple[str, str, bool, str]]) -> None:
    ledger = TrustLedger()
    last: dict[tuple[str, str], dict[str, float]] = {}
    for arm, band, met, speclive in outcomes:
        ledger = TrustLedger(json.loads(json.dumps(ledger.state())))  # another process goes on with it
        made = ledger.update(arm, {"riskBand": band}, contract_met=met, speclive=speclive)
        assert made["prior"] == last.get((arm, band), {"a": 1, "b": 1})
        assert reperformed("trust-update", made).status == "AGREES"
        last[arm, band] = made["posterior"]
    for (arm, band), trust in last.items():
        assert ledger.trust(arm, {"riskBand": band}) == Beta(**trust)


def test_a_ledger_that_begins_elsewhere_says_so_once() -> None:
    ledger = TrustLedger()
    ledger.open("small", {}, Beta(8, 2))
    ledger = TrustLedger(ledger.state())
    first = ledger.update("small", {}, contract_met=True)
    second = ledger.update("small", {}, contract_met=True)
    assert (first["prior"], first["genesis"]) == ({"a": 8, "b": 2}, True)
    assert (second["prior"], second.get("genesis")) == ({"a": 9, "b": 2}, None)


def test_an_arm_nobody_knows_is_as_likely_to_fail() -> None:
    assert TrustLedger().trust("new", {}).mean == 0.5


def test_a_context_is_one_however_it_is_written() -> None:
    ledger = TrustLedger()
    ledger.update("small", {"a": 1, "b": "x"}, contract_met=True)
    assert ledger.trust("small", {"b": "x", "a": 1.0}) == Beta(2, 1)
    assert len(ledger.state()) == 1
