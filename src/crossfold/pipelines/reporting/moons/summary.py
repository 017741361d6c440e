"""What the draws say together."""

import pandas as pd

from crossfold.pipelines.moons.nodes import DRAWS


def draw_summary(metrics_table: pd.DataFrame) -> pd.DataFrame:
    """Take the mean accuracy of every variant over draws with its interval, the first at the top."""
    own = metrics_table[metrics_table["protocol"] == DRAWS]
    kind = own["model"].str.split("_").str
    alpha = kind[1].astype(float)
    order = ["kind", "alpha"]
    return own.assign(kind=kind[0], alpha=alpha).sort_values(order, ascending=False)
