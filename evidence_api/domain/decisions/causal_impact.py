"""`causal-impact` -> kind `impact`: what a change did to a metric, against what its controls say would have been.

Before the change y is regressed on the controls, with an intercept and flat priors on the coefficients and on
ln(variance). The counterfactual of the period after is the posterior predictive of its mean: Student t with n - p
degrees of freedom, located at x'b, with variance s^2 (1/m + x'(X'X)^-1 x), where x is the mean of the controls after.
effect = mean(y after) - x'b; significant when the 95 % interval leaves 0 out. Controls are centred and scaled and the
system solved by an orthogonal factorisation, never by X'X. Source: Gelman et al., Bayesian Data
Analysis (2013), 14.2; Brodersen et al. (2015) for the use of controls.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field
from scipy.linalg import qr, solve_triangular
from scipy.special import stdtrit

from evidence_api.domain.decisions.arrays import Floats
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.shape import MAX_DIMENSIONS, Claim, Part, Predicate, Real, Rows, Several, Word
from evidence_api.domain.fact_type import FactType

_UPPER = 0.975  # of a two-sided 95 % interval
_DEPENDENT = 1e-9  # a column with less of its own than this share would not be solved to the tolerance of a comparison
_ROUNDING = 1e-12  # residuals and effects below this share of y are the rounding of a perfect fit


class Period(Part):
    """Values in time order; each control has one value for each of y."""

    y: Rows[Real] = Field(min_length=1, description="The metric, in time order")
    controls: Annotated[Several[Rows[Real]], Field(max_length=MAX_DIMENSIONS)] = Field(
        description="Series the change did not touch, each as long as y"
    )


class CausalImpact(Predicate):
    """The predicate: the same controls before and after."""

    metric: Word | None = Field(None, description="What was measured")
    pre: Period
    post: Period
    effect: Claim = Field(description="Derived: mean of what was observed minus what was to be expected")
    interval95: Rows[Claim] = Field(description="Derived: 95 % interval of the effect, low and high")
    significant: bool = Field(description="Derived: whether the interval leaves out 0")


class Series(NamedTuple):
    """What a producer has of one period."""

    y: Sequence[float]
    controls: Sequence[Sequence[float]]


class Impact(NamedTuple):
    """The mean effect, in the metric's unit, and where it lies with 95 % probability."""

    effect: float
    interval: tuple[float, float]
    significant: bool


def impact(pre: Series, post: Series) -> Impact:
    """What the change did. Raises Malformed `out_of_domain` with the path of what cannot be used.

    >>> demand = [10.0, 12.0, 11.0, 14.0, 13.0, 15.0]
    >>> before = Series([20.1, 24.0, 21.9, 28.1, 26.0, 29.9], [demand])
    >>> found = impact(before, Series([27.0, 31.1, 28.9], [[12.0, 14.0, 13.0]]))
    >>> round(found.effect, 2), [round(end, 2) for end in found.interval], found.significant
    (3.01, [2.81, 3.2], True)
    """
    _check(pre, post)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        try:
            return _impact(pre, post)
        except ArithmeticError as fault:
            raise out_of_domain("pre", f"the inputs have no finite result ({fault})") from fault


def statement(metric: str, pre: Series, post: Series) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> before = Series([5.0, 7.0, 6.0, 8.0, 5.0, 7.0], [])
    >>> statement("latency_ms", before, Series([6.0, 7.0], []))["significant"]
    False
    """
    found = impact(pre, post)
    periods = {
        name: {"y": list(one.y), "controls": [list(control) for control in one.controls]}
        for name, one in (("pre", pre), ("post", post))
    }
    return {"metric": metric, **periods, **_fields(found)}


def _check(pre: Series, post: Series) -> None:
    """Lengths agree, and there are more points than coefficients."""
    if len(post.controls) != len(pre.controls):
        said = f"{len(post.controls)} controls, where `pre` has {len(pre.controls)}"
        raise out_of_domain("post.controls", said, limit=len(pre.controls), value=len(post.controls))
    for name, period in (("pre", pre), ("post", post)):
        for index, control in enumerate(period.controls):
            if len(control) != len(period.y):
                said = f"{len(control)} values, where `y` has {len(period.y)}"
                raise out_of_domain(f"{name}.controls.{index}", said, limit=len(period.y), value=len(control))
    least = len(pre.controls) + 2
    if len(pre.y) < least:
        said = f"{len(pre.y)} points, where {len(pre.controls)} controls and an intercept need {least}"
        raise out_of_domain("pre.y", said, limit=least, value=len(pre.y))


def _impact(pre: Series, post: Series) -> Impact:
    y, after = np.array(pre.y), np.array(post.y)
    unit = float(np.max(np.abs(np.concatenate((y, after))))) or 1.0
    y, after = y / unit, after / unit
    columns, at = _standardised(pre, post)
    freedom = len(y) - columns.shape[1] - 1
    q, r = _factors(columns)
    centred = y - np.mean(y)
    projected = q.T @ centred
    along = solve_triangular(r, at, trans="T")  # at' R^-1, of which the squared length is at'(X'X)^-1 at
    residual = float(np.linalg.norm(centred - q @ projected))
    if residual <= _ROUNDING * len(y) ** 0.5:
        residual = 0.0
    effect = float(np.mean(after) - np.mean(y) - along @ projected)
    if abs(effect) <= _ROUNDING:
        effect = 0.0
    spread = 1 / len(after) + 1 / len(y) + float(along @ along)
    reach = float(stdtrit(float(freedom), _UPPER)) * residual * (spread / freedom) ** 0.5
    lower, upper = (effect - reach) * unit, (effect + reach) * unit
    return Impact(effect * unit, (lower, upper), lower > 0 or upper < 0)


def _standardised(pre: Series, post: Series) -> tuple[Floats, Floats]:
    """Controls before as columns, centred and of length 1, and the mean of those after on the same scale. Centred
    columns are orthogonal to the intercept, which drops out."""
    columns = np.empty((len(pre.y), len(pre.controls)))
    at = np.empty(len(pre.controls))
    for index, (before, after) in enumerate(zip(pre.controls, post.controls, strict=True)):
        values = np.array(before)
        largest = float(np.max(np.abs(values))) or 1.0
        values = values / largest
        mean = np.mean(values)
        length = float(np.linalg.norm(values - mean))
        if length <= _DEPENDENT:
            raise out_of_domain(f"pre.controls.{index}", "it never varies, as the intercept does not")
        columns[:, index] = (values - mean) / length
        at[index] = (np.mean(np.array(after) / largest) - mean) / length
    return columns, at


def _factors(columns: Floats) -> tuple[Floats, Floats]:
    """Orthogonal and triangular factor. The diagonal of the latter is what each control has of its own, beside those
    listed before it. Raises Malformed `out_of_domain` for the first that has nothing."""
    if not columns.shape[1]:
        return columns, np.empty((0, 0))
    q, r = qr(columns, mode="economic", check_finite=False)
    for index, own in enumerate(np.abs(np.diagonal(r))):
        if own <= _DEPENDENT:
            raise out_of_domain(f"pre.controls.{index}", "it is a combination of the controls before it")
    return q.astype(np.float64, copy=False), r.astype(np.float64, copy=False)


def _fields(found: Impact) -> dict[str, Any]:
    return {"effect": found.effect, "interval95": list(found.interval), "significant": found.significant}


def _derive(predicate: CausalImpact, _: Given) -> Derived:
    pre, post = predicate.pre, predicate.post
    return Derived(_fields(impact(Series(pre.y, pre.controls), Series(post.y, post.controls))))


def _facts(predicate: CausalImpact, derived: Json) -> Mapping[str, Fact | None]:
    interval = derived.get("interval95")
    return {
        "metric": predicate.metric,
        "controls": len(predicate.pre.controls),
        "points": len(predicate.pre.y),
        "effect": derived.get("effect"),
        "lower": interval[0] if interval else None,
        "upper": interval[1] if interval else None,
        "significant": derived.get("significant"),
    }


def _explain(predicate: CausalImpact, derived: Json) -> str:
    lower, upper = derived["interval95"]
    controls = len(predicate.pre.controls)
    return (
        f"{predicate.metric or 'the metric'} moved by {derived['effect']:+.4g} against what {controls} "
        f"{'control predicts' if controls == 1 else 'controls predict'}, 95 % interval {lower:.4g} to {upper:.4g}: "
        f"{'significant' if derived['significant'] else 'not significant'}"
    )


KIND = DecisionKind(
    name="causal-impact",
    kind="impact",
    title="Impact of a change on a metric (Bayesian regression on controls)",
    model=CausalImpact,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "metric": FactType.WORD,
        "controls": FactType.NUMBER,
        "points": FactType.NUMBER,
        "effect": FactType.NUMBER,
        "lower": FactType.NUMBER,
        "upper": FactType.NUMBER,
        "significant": FactType.BOOLEAN,
    },
    series=lambda predicate: predicate.metric or "",
)
