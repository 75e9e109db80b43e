"""Trust, the producer's side: what an agent platform keeps to predict how an arm will do, and signs as it learns.

The same steps the server takes from the evidence (`trust_update`), in memory. Ledgers begin at a = b = 1.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from evidence_api.domain.decisions.trust_update import Beta, LedgerKey, Scalar, ledger_key, statement

_START = Beta(1, 1)


class TrustLedger:
    """Trust by arm and context. One process's: whoever shares it between threads must hold a lock around `update`.

    >>> ledger = TrustLedger()
    >>> made = ledger.update("impl@small", {"riskBand": "low"}, contract_met=True, speclive="clean")
    >>> made["prior"], made["posterior"]
    ({'a': 1, 'b': 1}, {'a': 2, 'b': 1})
    >>> made = ledger.update("impl@small", {"riskBand": "low"}, contract_met=True, speclive="breached")
    >>> ledger.trust("impl@small", {"riskBand": "low"})
    Beta(a=2, b=2)
    >>> TrustLedger(ledger.state()).trust("impl@small", {"riskBand": "low"}).mean
    0.5
    """

    def __init__(self, state: Iterable[Mapping[str, Any]] = ()) -> None:
        """Begin with what `state()` gave before. Raises KeyError for a row that lacks a member."""
        self._contexts: dict[LedgerKey, dict[str, Scalar]] = {}
        self._trust: dict[LedgerKey, Beta] = {}
        self._opened: set[LedgerKey] = set()
        for row in state:
            key = self._put(row["arm"], row["context"], Beta(row["a"], row["b"]))
            if row.get("genesis", False):
                self._opened.add(key)

    def trust(self, arm: str, context: Mapping[str, Scalar]) -> Beta:
        """Where the ledger stands; its mean predicts the next outcome."""
        return self._trust.get(ledger_key(arm, context), _START)

    def open(self, arm: str, context: Mapping[str, Scalar], prior: Beta) -> None:
        """Begin a ledger elsewhere than at a = b = 1: the next update says so with `genesis`."""
        self._opened.add(self._put(arm, context, prior))

    def update(
        self, arm: str, context: Mapping[str, Scalar], *, contract_met: bool, speclive: str = "clean"
    ) -> dict[str, Any]:
        """Move the ledger by one outcome; gives the predicate's own fields, ready to be signed."""
        key = ledger_key(arm, context)
        made = statement(
            arm,
            context,
            self._trust.get(key, _START),
            contract_met=contract_met,
            speclive=speclive,
            genesis=key in self._opened,
        )
        self._put(arm, context, Beta(**made["posterior"]))
        self._opened.discard(key)
        return made

    def state(self) -> list[dict[str, Any]]:
        """Every ledger, as JSON: what to keep between runs."""
        return [
            {
                "arm": key[0],
                "context": dict(self._contexts[key]),
                "a": trust.a,
                "b": trust.b,
                **({"genesis": True} if key in self._opened else {}),
            }
            for key, trust in sorted(self._trust.items())
        ]

    def _put(self, arm: str, context: Mapping[str, Scalar], trust: Beta) -> LedgerKey:
        key = ledger_key(arm, context)
        self._contexts[key] = dict(context)
        self._trust[key] = trust
        return key
