"""Are probabilities what they say: curves, errors, and calibrators that mend them."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.validation.intervals import GroupBootstrap, percentile_interval
from crossfold.validation.metrics import wilson_interval

Probabilities = NDArray[np.float64]
_TINY = 1e-7


@dataclass(frozen=True)
class LogOddsCalibrator:
    """A line in the log odds: ``logit(q) = a·ln(p) − b·ln(1 − p) + c``.

    With ``a = b`` this is Platt scaling (Platt 1999), free it is beta calibration (Kull et al.
    2017), and ``a = b = 1, c = 0`` changes nothing.
    """

    a: float = 1.0
    b: float = 1.0
    c: float = 0.0

    def apply(self, p: ArrayLike) -> Probabilities:
        """Calibrate probabilities, shape ``(n,)``, in [0, 1]."""
        from scipy.special import expit

        if self == LogOddsCalibrator():
            return np.asarray(p, dtype=np.float64)
        ln_p, ln_not_p = _logs(p)
        return np.asarray(expit(self.a * ln_p - self.b * ln_not_p + self.c))

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON values."""
        return {"kind": "log_odds", **asdict(self)}


@dataclass(frozen=True)
class IsotonicCalibrator:
    """A non-decreasing piecewise-linear map through fitted points.

    Attributes
    ----------
    x, y
        Raw and calibrated probabilities of the points, increasing.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def apply(self, p: ArrayLike) -> Probabilities:
        """Calibrate probabilities, shape ``(n,)``, in [0, 1]."""
        return np.asarray(np.interp(np.asarray(p, dtype=np.float64), self.x, self.y))

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON values."""
        return {"kind": "isotonic", "x": list(self.x), "y": list(self.y)}


Calibrator = LogOddsCalibrator | IsotonicCalibrator
"""Maps raw probabilities to calibrated ones."""


def calibrator_from_dict(state: dict[str, Any]) -> Calibrator:
    """Rebuild a calibrator from what `to_dict` gave, also after a round trip through JSON."""
    fields = {key: value for key, value in state.items() if key != "kind"}
    if state["kind"] == "log_odds":
        return LogOddsCalibrator(**fields)
    if state["kind"] == "isotonic":
        return IsotonicCalibrator(tuple(fields["x"]), tuple(fields["y"]))
    raise CrossfoldError(f"No calibrator is called {state['kind']!r}: the model file is foreign.")


def fit_calibrator(
    method: Literal["none", "platt", "isotonic", "beta"], p: ArrayLike, y: ArrayLike
) -> Calibrator:
    """Fit a calibrator on predictions for rows that the model did not learn from.

    Parameters
    ----------
    method
        ``none``, ``platt``, ``isotonic`` or ``beta``.
    p
        Raw probabilities, shape ``(n,)``, in [0, 1].
    y
        0 or 1, shape ``(n,)``.

    Raises
    ------
    CrossfoldError
        There is no such method.
    """
    p, y = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if method == "none":
        return LogOddsCalibrator()
    if method == "isotonic":
        return _fit_isotonic(p, y)
    if method in ("platt", "beta"):
        return _fit_log_odds(p, y, tied=method == "platt")
    raise CrossfoldError(
        f"No calibration is called {method!r}: choose none, platt, isotonic or beta."
    )


def _fit_log_odds(p: Probabilities, y: Probabilities, *, tied: bool) -> LogOddsCalibrator:
    ln_p, ln_not_p = _logs(p)
    if np.ptp(p) == 0 or np.ptp(y) == 0:
        # One input or one class: the best line is the constant that predicts the mean.
        mean = np.clip(y.mean(), _TINY, 1 - _TINY)
        return LogOddsCalibrator(0.0, 0.0, float(np.log(mean / (1 - mean))))
    if tied:
        (slope,), c = _fit_line([ln_p - ln_not_p], y)
        return LogOddsCalibrator(slope, slope, c)
    (a, b), c = _fit_line([ln_p, -ln_not_p], y)
    # A negative slope would turn the order round; Kull et al. then leave that input out.
    if a < 0:
        a, ((b,), c) = 0.0, _fit_line([-ln_not_p], y)
    elif b < 0:
        b, ((a,), c) = 0.0, _fit_line([ln_p], y)
    return LogOddsCalibrator(a, b, c)


def _fit_line(
    inputs: list[Probabilities], y: Probabilities, tol: float = 1e-4
) -> tuple[list[float], float]:
    """Fit a logistic regression without penalty; give its slopes and its intercept."""
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression(C=np.inf, tol=tol).fit(np.column_stack(inputs), y)
    return line.coef_[0].tolist(), float(line.intercept_[0])


def _fit_isotonic(p: Probabilities, y: Probabilities) -> IsotonicCalibrator:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y)
    return IsotonicCalibrator(
        tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist())
    )


def _logs(p: ArrayLike) -> tuple[Probabilities, Probabilities]:
    """Give ln(p) and ln(1 − p), finite."""
    inside = np.clip(np.asarray(p, dtype=np.float64), _TINY, 1 - _TINY)
    return np.log(inside), np.log1p(-inside)


def reliability_curve(y: ArrayLike, p: ArrayLike, n_bins: int = 10) -> pd.DataFrame:
    """Compare predicted with observed shares in bins of about equal numbers of rows.

    Parameters
    ----------
    y, p
        0/1 and probabilities, shape ``(n,)``.
    n_bins
        Number of bins; empty ones are left out.

    Returns
    -------
    Columns ``mean_predicted``, ``observed``, ``low``, ``high`` (Wilson, 95 %), ``n`` and
    ``positives``, by increasing prediction.
    """
    y, p = np.asarray(y), np.asarray(p, dtype=np.float64)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, n_bins + 1)))
    bins = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, max(len(edges) - 2, 0))
    found = pd.DataFrame({"p": p, "y": y}).groupby(bins)
    table = found.agg(mean_predicted=("p", "mean"), observed=("y", "mean"))
    table = table.assign(n=found.size(), positives=found["y"].sum()).reset_index(drop=True)
    table["low"], table["high"] = wilson_interval(table["positives"], table["n"])
    return table[["mean_predicted", "observed", "low", "high", "n", "positives"]]


def calibration_measures(y: ArrayLike, p: ArrayLike, bootstrap: GroupBootstrap) -> pd.DataFrame:
    """Say whether probabilities are right on average, and whether they spread as they should.

    ``calibration_intercept`` is that of a logistic regression of the outcome with the log odds of
    the prediction as offset, ``calibration_slope`` the slope with them as input, and
    ``observed_over_expected`` the ratio of events to the sum of probabilities (Van Calster et al.
    2019). A resample's regression starts from that of all rows and takes one step of Chebyshev's
    (Newton's with the curvature's change), whose error falls with the third power of its length.

    Parameters
    ----------
    y, p
        0/1 and probabilities, shape ``(n,)``.
    bootstrap
        Covers the same `n` rows.

    Returns
    -------
    Columns ``metric``, ``estimate``, ``low``, ``high`` (95 %); NaN where there is one class, and of
    the slope where there is one prediction, or where all rows of one class are predicted below all
    of the other: the steepest line would fit best.
    """
    y, p = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    ln_p, ln_not_p = _logs(p)
    x = ln_p - ln_not_p
    if np.ptp(y) == 0:
        found = dict.fromkeys(_MEASURES, (np.nan, np.full(len(bootstrap.drawn), np.nan)))
    else:
        events, expected = bootstrap.sums([y, p]).T
        found = {
            "calibration_intercept": _offset(x, y, bootstrap),
            "calibration_slope": _slope(x, y, bootstrap),
            "observed_over_expected": (float(y.sum() / p.sum()), events / expected),
        }
    rows = [(name, point, *percentile_interval(drawn)) for name, (point, drawn) in found.items()]
    return pd.DataFrame(rows, columns=["metric", "estimate", "low", "high"])


_MEASURES = ("calibration_intercept", "calibration_slope", "observed_over_expected")
_FARTHEST = 100.0  # log odds; those of predictions are within ± 17


def _offset(
    x: Probabilities, y: Probabilities, bootstrap: GroupBootstrap
) -> tuple[float, Probabilities]:
    from scipy.optimize import brentq
    from scipy.special import expit

    a = brentq(lambda a: (y - expit(a + x)).sum(), -_FARTHEST, _FARTHEST)
    q = expit(a + x)
    v = q * (1 - q)
    scores, curvature, change = bootstrap.sums([y - q, v, v * (1 - 2 * q)]).T
    step = scores / curvature
    return a, a + step - change * step**2 / (2 * curvature)


def _slope(
    x: Probabilities, y: Probabilities, bootstrap: GroupBootstrap
) -> tuple[float, Probabilities]:
    from scipy.special import expit

    without, with_event = x[y == 0], x[y == 1]
    if without.max() <= with_event.min() or with_event.max() <= without.min():
        return np.nan, np.full(len(bootstrap.drawn), np.nan)
    # Predictions that differ little have small gradients everywhere, where a fit would stop early.
    spread = x.std()
    x = (x - x.mean()) / spread
    (slope,), a = _fit_line([x], y, tol=1e-8)
    q = expit(a + slope * x)
    r, v = y - q, q * (1 - q)
    t = v * (1 - 2 * q)
    columns = (own * x**k for own, most in ((r, 1), (v, 2), (t, 3)) for k in range(most + 1))
    g0, g1, h0, h1, h2, t0, t1, t2, t3 = bootstrap.sums(columns).T

    def solve(b0: Probabilities, b1: Probabilities) -> tuple[Probabilities, Probabilities]:
        determinant = h0 * h2 - h1 * h1
        return (h2 * b0 - h1 * b1) / determinant, (h0 * b1 - h1 * b0) / determinant

    with np.errstate(invalid="ignore", divide="ignore"):
        s0, s1 = solve(g0, g1)
        change = solve(
            t0 * s0**2 + 2 * t1 * s0 * s1 + t2 * s1**2, t1 * s0**2 + 2 * t2 * s0 * s1 + t3 * s1**2
        )
        drawn = slope + s1 - change[1] / 2
    return slope / spread, drawn / spread
