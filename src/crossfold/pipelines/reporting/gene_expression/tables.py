"""Tables of the gene expression report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from crossfold.pipelines.gene_expression.columns import TARGET
from crossfold.pipelines.reporting.gene_expression.labels import CLASSES, PROTOCOLS, SAMPLERS
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT, Fold, read_folds
from crossfold.templates.cross_validation.training import make_sampler

MEASURES = ("train_loss", "validation_loss", "accuracy", "f1")
_POOLED_FROM = ("train_loss", "validation_loss", "false_positives", "false_negatives")


def class_counts(features: pd.DataFrame, folds: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Count the classes of the training folds of the k-fold protocol, before and after resampling.

    Returns
    -------
    Columns ``sampler``, ``label``, ``all_patients``, ``before`` and ``after`` (means over folds)
    and ``folds``.
    """
    aml = features[TARGET].to_numpy()
    made = read_folds(folds, K_FOLD)
    tables = [_counts_of(sampler, aml, made, seed) for sampler in SAMPLERS]
    return pd.concat(tables, ignore_index=True)


def _counts_of(name: str, aml: np.ndarray, folds: Sequence[Fold], seed: int) -> pd.DataFrame:
    before = [aml[fold.train_rows] for fold in folds]
    after = [_resampled(name, rows, seed) for rows in before]
    return pd.DataFrame(
        {
            "sampler": name,
            "label": CLASSES,
            "all_patients": np.bincount(aml, minlength=2),
            "before": np.mean([np.bincount(rows, minlength=2) for rows in before], axis=0),
            "after": np.mean([np.bincount(rows, minlength=2) for rows in after], axis=0),
            "folds": len(folds),
        }
    )


def _resampled(name: str, aml: np.ndarray, seed: int) -> np.ndarray:
    sampler = make_sampler(name, seed)
    if sampler is None:
        return aml
    places = np.arange(len(aml), dtype=np.float32)[:, None]
    return np.asarray(sampler.fit_resample(places, aml)[1])


def epochs(history: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Pool each epoch over all folds of a protocol.

    Parameters
    ----------
    history
        Losses and errors of each network after each epoch.
    predictions
        Give each fold's number of patients and of positives.

    Returns
    -------
    Columns ``model``, ``protocol``, ``epoch``, ``measure``, ``estimate`` (mean over members),
    ``low`` and ``high`` (their range), ``folds``. Losses are means over patients; accuracy and F1
    are counted over all folds' patients.
    """
    keys = ["model", "protocol", "fold"]
    sizes = predictions.groupby(keys, observed=True)["target"].agg(n="size", positives="sum")
    by = ["model", "protocol", "member", "epoch"]
    chosen = history[history["measure"].isin(_POOLED_FROM)].astype({"measure": "str"})
    wide = chosen.pivot_table("value", [*by, "fold"], "measure", observed=True)
    table = wide.reset_index().merge(sizes.reset_index(), on=keys)
    table["loss_sum"] = table["validation_loss"] * table["n"]
    sums = table.groupby(by, observed=True).agg(
        train_loss=("train_loss", "mean"),
        loss_sum=("loss_sum", "sum"),
        fp=("false_positives", "sum"),
        fn=("false_negatives", "sum"),
        n=("n", "sum"),
        positives=("positives", "sum"),
        folds=("fold", "size"),
    )
    hits = sums["positives"] - sums["fn"]
    sums["validation_loss"] = sums["loss_sum"] / sums["n"]
    sums["accuracy"] = 1 - (sums["fp"] + sums["fn"]) / sums["n"]
    sums["f1"] = 2 * hits / (2 * hits + sums["fp"] + sums["fn"])
    long = sums.reset_index().melt([*by, "folds"], list(MEASURES), "measure")
    of_members = long.groupby(["model", "protocol", "epoch", "measure", "folds"], observed=True)
    return of_members["value"].agg(estimate="mean", low="min", high="max").reset_index()


def selected_probes(
    selected: pd.DataFrame, probes: pd.DataFrame, features: pd.DataFrame, final: Sequence[str]
) -> pd.DataFrame:
    """Compute the share of folds that chose each probe, by protocol.

    Returns
    -------
    Columns ``probe``, ``description``, ``higher_in`` (the class with the higher mean), one share
    for each protocol, and ``in_final_model``; the most stable first.
    """
    folds = selected.groupby("protocol", observed=True)["fold"].nunique()
    counts = selected.groupby(["probe", "protocol"], observed=True).size().reset_index(name="n")
    counts["share"] = counts["n"] / counts["protocol"].astype("str").map(folds.to_dict())
    shares = counts.pivot_table(index="probe", columns="protocol", values="share", observed=True)
    shares = shares.set_axis(shares.columns.astype("str"), axis=1)
    shares = shares.reindex(columns=list(PROTOCOLS)).fillna(0.0)
    means = features.groupby(TARGET)[shares.index.tolist()].mean()
    table = shares.assign(
        description=probes.set_index("probe")["description"].reindex(shares.index),
        higher_in=np.where(means.loc[1] > means.loc[0], *CLASSES[::-1]),
        in_final_model=shares.index.isin(final),
    )
    ranked = table.sort_values([K_FOLD, LEAVE_ONE_OUT], ascending=False, kind="stable")
    columns = ["description", "higher_in", *PROTOCOLS, "in_final_model"]
    return ranked[columns].reset_index()


def patients_2d(features: pd.DataFrame, origin: pd.Series, final: Sequence[str]) -> pd.DataFrame:
    """Project the patients on two principal components, of all probes and of the final model's.

    Returns
    -------
    Columns ``probes`` (all or chosen), ``label``, ``origin``, ``x``, ``y``, ``x_share`` and
    ``y_share`` of the variance.
    """
    kinds = {"all": list(features.columns.drop(TARGET)), "chosen": list(final)}
    return pd.concat(_projections(features, origin, kinds), ignore_index=True)


def _projections(
    features: pd.DataFrame, origin: pd.Series, kinds: dict[str, list[str]]
) -> Iterator[pd.DataFrame]:
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    for kind, names in kinds.items():
        pca = PCA(2, svd_solver="full")
        places = pca.fit_transform(StandardScaler().fit_transform(features[names]))
        x_share, y_share = pca.explained_variance_ratio_
        yield pd.DataFrame(
            {
                "probes": kind,
                "label": np.where(features[TARGET] == 1, *CLASSES[::-1]),
                "origin": origin.astype("str"),
                "x": places[:, 0],
                "y": places[:, 1],
                "x_share": x_share,
                "y_share": y_share,
            }
        )
