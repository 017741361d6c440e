"""What the draws say together."""

import numpy as np
import pandas as pd


def variant_label(features: str, alpha: float) -> str:
    """Print the name of a variant."""
    return f"{features.capitalize()}, α = {alpha:g}"


def summarise_draws(draws: pd.DataFrame) -> pd.DataFrame:
    """Give the mean accuracy of every variant over draws with its 95 % t-interval.

    Returns
    -------
    Columns ``features``, ``alpha``, ``estimate``, ``low``, ``high``, ``n`` (draws).
    """
    rows = [
        (features, alpha, *mean_with_interval(part["accuracy"]), len(part))
        for (features, alpha), part in draws.groupby(["features", "alpha"], observed=True)
    ]
    columns = ["features", "alpha", "estimate", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns).sort_values(["features", "alpha"], ascending=False)


def mean_with_interval(values: pd.Series) -> tuple[float, float, float]:
    """Give the mean and its 95 % t-interval."""
    from scipy.stats import sem, t

    mean = float(values.mean())
    half = float(t.ppf(0.975, len(values) - 1) * sem(values))
    return mean, mean - half, mean + half


def paired_difference(draws: pd.DataFrame, features: tuple[str, str], alpha: float) -> np.ndarray:
    """Give mean and interval of the difference of accuracy between two sets of features."""
    part = draws[draws["alpha"] == alpha].pivot_table(
        index="draw", columns="features", values="accuracy"
    )
    return np.array(mean_with_interval(part[features[0]] - part[features[1]]))
