"""What counts say of policies: shares, trends, noise, silence, and what to look at first."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.policy_telemetry import Counts, Hit, Overriding, ReasonCount, Silent, Telemetry, telemetry

SINCE = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def allowed(area: str, hits: int, rule: str = "", at: datetime = SINCE) -> Hit:
    return Hit(area, rule, allow=True, hits=hits, first=at)


def denied(area: str, hits: int, rule: str = "", at: datetime = SINCE) -> Hit:
    return Hit(area, rule, allow=False, hits=hits, first=at)


def overriding(rule: str, at: datetime, evidence: str = "sha256:1") -> Overriding:
    return Overriding(rule, evidence, at, "owner", "approver", "reason", "2026-02-01T00:00:00Z")


def told(
    *hits: Hit,
    before: tuple[Hit, ...] = (),
    overrides: tuple[Overriding, ...] = (),
    reasons: tuple[ReasonCount, ...] = (),
    loaded: frozenset[tuple[str, str]] = frozenset(),
) -> Telemetry:
    counts = Counts("acme", SINCE, SINCE + WEEK, hits, before, reasons, overrides)
    return telemetry(counts, loaded, "sha256:policy")


def test_a_rule_has_its_share_of_the_area_and_its_change() -> None:
    found = told(
        allowed("door", 6),
        denied("door", 2),
        denied("door", 2, "door.a"),
        allowed("door", 1, "door.note"),
        before=(denied("door", 5), denied("door", 5, "door.a")),
    )
    (area,) = found.areas
    assert (area.allows, area.denies, area.change) == (6, 2, -3)
    assert [(use.rule, use.denies, use.allows, use.share, use.change) for use in found.rules] == [
        ("door.a", 2, 0, 0.25, -3),
        ("door.note", 0, 1, 0.125, 0),
    ]


def test_noise_is_an_override_after_a_denial() -> None:
    monday, tuesday = SINCE, SINCE + timedelta(days=1)
    hits = (denied("door", 3, at=tuesday), denied("door", 3, "door.a", at=tuesday), denied("door", 1, "door.b"))
    earlier, later = overriding("door.a", monday, "sha256:0"), overriding("door.a", tuesday, "sha256:2")
    found = told(*hits, overrides=(later, earlier, overriding("door.c", tuesday)))
    (noisy,) = found.noisy
    assert (noisy.rule, noisy.overrides) == ("door.a", (later,))
    before = told(*hits, overrides=(earlier,), before=(denied("door", 1, "door.a", at=monday - timedelta(days=1)),))
    assert [use.rule for use in before.noisy] == ["door.a"]  # denied in the week before


def test_rules_that_never_fired_are_those_loaded_and_not_seen() -> None:
    loaded = frozenset({("door", "door.a"), ("door", "door.b"), ("roof", "roof.c")})
    found = told(allowed("door", 9), denied("door", 1), denied("door", 1, "door.a"), loaded=loaded)
    assert found.never_fired == (Silent("door", "door.b", 10), Silent("roof", "roof.c", 0))
    assert found.look_at == ("1 rule of areas that are asked never fired: check what they look for",)


def test_what_to_look_at_comes_in_its_order() -> None:
    found = told(
        denied("door", 40),
        allowed("door", 2),
        denied("door", 30, "door.a"),
        denied("roof", 1, "undefined"),
        denied("roof", 1),
        overrides=(overriding("door.a", SINCE),),
        before=(denied("door", 15, "door.a"),),
        loaded=frozenset({("door", "door.b")}),
    )
    assert [sentence.split()[0] for sentence in found.look_at] == ["roof", "door.a", "door.a", "door", "1"]
    assert "overridden once" in found.look_at[1]
    assert "15 in the period before" in found.look_at[2]
    assert "40 of 42" in found.look_at[3]


def test_nothing_counted_says_nothing() -> None:
    found = told()
    assert (found.areas, found.rules, found.noisy, found.never_fired, found.reasons, found.look_at) == ((),) * 6


HITS = st.builds(
    Hit,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["", "a.x", "b.y"]),
    st.booleans(),
    st.integers(1, 50),
    st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2026, 1, 20), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis wants them so
)


@given(st.lists(HITS, max_size=12), st.randoms())
def test_the_order_of_counts_makes_no_difference(hits: list[Hit], chance: Random) -> None:
    overrides = [overriding("a.x", SINCE), overriding("b.y", SINCE + WEEK, "sha256:9")]
    first = told(*hits, overrides=tuple(overrides), before=tuple(hits))
    chance.shuffle(hits)
    again = told(*hits, overrides=tuple(reversed(overrides)), before=tuple(reversed(hits)))
    assert first == again
