"""What a tenant may ask for, set and shown on the command line."""

from collections.abc import Callable
from typing import Any

from evidence_api.cli import output
from evidence_api.domain.rates import USUAL

Answer = Callable[..., Any]


def test_a_limit_comes_and_goes(run: Answer) -> None:
    run("tenant", "create", "limited")
    of = ["--tenant", "limited"]
    usual = {"capacity": USUAL.capacity, "restore": USUAL.restore, "mode": USUAL.mode, "own": False}
    assert run("tenant", "rate", "show", *of) == {"rates": [usual]}
    set_to = ["--capacity", "900", "--restore", "30", "--mode", "measure"]
    own = {"capacity": 900, "restore": 30, "mode": "measure", "own": True}
    assert run("tenant", "rate", "set", *of, *set_to) == {"rates": [own]}
    assert run("tenant", "rate", "show", *of) == {"rates": [own]}
    assert run("tenant", "rate", "set", *of, *set_to[:4], "--mode", "perhaps") == (output.NO, "rate_mode")
    assert run("tenant", "rate", "remove", *of) == {"rates": [{"removed": True}]}
    assert run("tenant", "rate", "remove", *of) == (output.NO, "not_found")
