"""The study over Dask DataFrames: functions of one machine, partition by partition.

All rows of a patient are in one partition, so that what a feature looks back on is there.
"""

import logging
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Annotated, Any

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from pydantic import Field, PositiveInt

from crossfold.datasets.export_dataset import place_of_name
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.appointments import cleaning
from crossfold.pipelines.appointments.cleaning import AppointmentsParameters, HistoryAsOf
from crossfold.pipelines.appointments.features import build_features
from crossfold.templates.cross_validation import parameters as given
from crossfold.templates.cross_validation.encoding import (
    TableEncoder,
    inputs_by_kind,
    target_numbers,
)
from crossfold.templates.cross_validation.final_model import assemble_model, score
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.training import (
    fit_model_encoder,
    make_network,
    pooled_outputs,
)
from crossfold.templates.parameters import Parameters, TableParameters
from crossfold.templates.wiring import Functions, wire
from crossfold.validation.tables import CALIBRATION

Parts = Any
"""A Dask DataFrame; Dask is not imported before there is one."""

_ROWS_AT_ONCE = 50_000
_logger = logging.getLogger(__name__)


class ClusterParameters(Parameters):
    """How a table is cut, and how a model learns from its partitions."""

    n_partitions: Annotated[int, Field(ge=2)] | None = None
    """Partitions of the shuffled table, at least 2; None for as many as there are parts."""
    epochs: PositiveInt = 5
    """How often each partition is learnt from."""
    members: PositiveInt = 1
    """Networks of different seeds, pooled into one."""
    network: given.NetworkParameters = given.NetworkParameters()
    """Arguments of each; the learning rate stays as it is from epoch to epoch."""


def shuffle_by_patient(parts: Parts, cluster: ClusterParameters) -> Parts:
    """Bring all rows of a patient into one partition."""
    if not hasattr(parts, "npartitions"):
        raise CrossfoldError(
            "The pipeline over partitions reads Dask DataFrames: run it with --env=cluster."
        )
    return parts.shuffle("patient", npartitions=cluster.n_partitions or max(parts.npartitions, 2))


def clean_partitions(
    by_patient: Parts, appointments_parameters: AppointmentsParameters
) -> dict[str, Parts]:
    """Split each partition as `clean_appointments` splits an export.

    An appointment is taken to have one patient in all parts. A date as 29/04/2016 is read where its
    partition tells day from month; ``appointments.date_format`` says it for all.

    Returns tables ``kept``, the cleaned appointments, and ``rejected``, rows with their ``rule``.
    Stored together, they are computed together.
    """
    from dask.dataframe import from_delayed
    from dask.delayed import delayed

    split = delayed(_split)
    pairs = [split(part, appointments_parameters) for part in by_patient.to_delayed()]
    empty = _split(by_patient._meta, appointments_parameters)
    return {
        name: from_delayed([pair[place] for pair in pairs], meta=empty[place], verify_meta=False)
        for place, name in enumerate(("kept", "rejected"))
    }


def _map(
    function: Callable[..., pd.DataFrame], parts: Parts, argument: Any, empty: Any = None
) -> Parts:
    """Apply a function to each partition; what it makes of no rows says what comes out."""
    meta = function(parts._meta, argument if empty is None else empty)
    return parts.map_partitions(function, argument, meta=meta, enforce_metadata=False)


def _split(
    rows: pd.DataFrame, parameters: AppointmentsParameters
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clean the latest rows, in the files' order."""
    names = sorted(rows["source_file"].unique(), key=place_of_name)
    rows = rows.assign(source_file=pd.Categorical(rows["source_file"], names))
    ordered = rows.sort_values(["source_file", "source_row"], ignore_index=True)
    raw = cleaning.latest_rows(cleaning.declared(ordered))
    parsed = cleaning.parse(raw, parameters)
    rule = cleaning.broken_rules(parsed)
    rejected = raw.assign(rule=rule)[rule != ""].astype({"source_file": "str"})
    return cleaning.typed(parsed[rule == ""]), rejected


def count_rows(by_patient: Parts, cleaned: dict[str, Parts]) -> dict[str, Any]:
    """Count rows read, superseded by a later file, kept, and rejected by rule."""
    read, kept = len(by_patient), len(cleaned["kept"])
    by_rule = cleaned["rejected"]["rule"].value_counts().compute().to_dict()
    if kept == 0:
        raise CrossfoldError(
            f"Not one of the {read} appointments can be used: {by_rule} break a rule; check that"
            " the parts have the columns and formats of the published table."
        )
    superseded = read - kept - sum(by_rule.values())
    return {"read": read, "superseded": superseded, "kept": kept, "rejected": by_rule}


def build_partition_features(
    cleaned: dict[str, Parts], appointments_parameters: AppointmentsParameters
) -> Parts:
    """Build the features of every appointment that was kept; the index is its number.

    Bookings of the same second, which may be of any patients, are counted over all partitions: one
    number for each second that has a booking goes to every worker.
    """
    appointments = cleaned["kept"]
    per_second = appointments["booked_at"].dt.floor("s").value_counts(sort=False, split_out=1)
    build = partial(_features_of_patients, appointments_parameters.history_as_of)
    return _map(build, appointments, per_second.to_delayed()[0], per_second._meta)


def _features_of_patients(
    history_as_of: HistoryAsOf, appointments: pd.DataFrame, per_second: pd.Series
) -> pd.DataFrame:
    features = build_features(appointments, history_as_of)
    seconds = appointments["booked_at"].dt.floor("s")
    features["bookings_same_second"] = per_second.reindex(seconds).astype("int32").to_numpy()
    return features.set_axis(pd.Index(appointments["appointment_id"]), axis="index")


def train_over_partitions(
    features: Parts,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    cluster: ClusterParameters,
    seed: int,
) -> tuple[Networks, pd.DataFrame]:
    """Train networks by `partial_fit` on one partition after the other.

    The first partition teaches the encoder. The last is not learnt from: patients who are in no
    other calibrate the model and set its threshold.

    Returns the networks, and what they say of the last partition, as `assemble_model` reads them.
    """
    first, last = (features.partitions[n].compute() for n in (0, -1))
    model = given.Model(params=cluster.network.model_dump())
    kinds = inputs_by_kind(first, table_parameters.target, preparation)
    target = target_numbers(first[table_parameters.target], table_parameters)
    encoder = fit_model_encoder(first, target, kinds, preparation, model)
    networks = [
        make_network(cluster.network, table_parameters.task).set_params(random_state=seed + number)
        for number in range(cluster.members)
    ]
    parts, rng = features.partitions[:-1].to_delayed(), np.random.default_rng(seed)
    for epoch in range(1, cluster.epochs + 1):
        ordered = [parts[number] for number in rng.permutation(len(parts))]
        networks = _learn_from(ordered, networks, encoder, table_parameters)
        _logger.info("epoch %d of %d: %d partitions", epoch, cluster.epochs, len(parts))
    outputs = pooled_outputs(networks, encoder.transform(last), table_parameters.task)
    scores = pd.DataFrame(
        {
            "role": CALIBRATION,
            "raw_p1": outputs[:, 0],
            "target": target_numbers(last[table_parameters.target], table_parameters),
        }
    )
    fitted = {"model": "mlp", "members": len(networks), "encoder": encoder.to_dict()}
    return (networks, {"fitted": [fitted]}), scores


def _learn_from(
    parts: Sequence[Any], networks: list[Any], encoder: TableEncoder, table: TableParameters
) -> list[Any]:
    """Take networks through partitions, each where its rows are; only they come back."""
    from dask.delayed import delayed

    learn = delayed(_learn)
    learnt: Any = networks
    for part in parts:
        learnt = learn(learnt, part, encoder, table)
    trained: list[Any] = learnt.compute()
    return trained


def _learn(
    networks: list[Any], features: pd.DataFrame, encoder: TableEncoder, table: TableParameters
) -> list[Any]:
    """Let copies of networks learn once from each row; a task may have to be done again."""
    networks = deepcopy(networks)
    classes = {} if table.task == "regression" else {"classes": [0, 1]}
    for start in range(0, len(features), _ROWS_AT_ONCE):
        block = features.iloc[start : start + _ROWS_AT_ONCE]
        inputs, target = encoder.transform(block), target_numbers(block[table.target], table)
        for network in networks:
            network.partial_fit(inputs, target, **classes)
    return networks


def score_partitions(model: Networks, features: Parts) -> Parts:
    """Score each partition with a final model, as `score` does; the index is the appointment's."""
    return _map(_score, features, model)


def _score(features: pd.DataFrame, model: Networks) -> pd.DataFrame:
    if features.empty:
        none = pd.DataFrame({"probability": np.empty(0, "float32"), "flagged": np.empty(0, "bool")})
        return none.set_index(features.index)
    return score(model, features)


def create_pipeline() -> Pipeline:
    """Build the pipeline that reads ``no_show.cluster.parts``, and trains and scores a model.

    Its tables are Dask DataFrames. Columns, encoding and decision are the study's.
    """
    rules, own = "params:appointments", "params:cluster"
    trained = {"final_networks": "fitted", "final_scores": "left_out"}
    of_study = {n: f"params:{n}" for n in ("table", "preparation", "decision")}
    reads = {"appointments_parameters": rules, "cluster": own, "seed": "params:seed", **of_study}
    functions: Functions = {
        shuffle_by_patient: "by_patient",
        clean_partitions: "cleaned",
        count_rows: "row_counts",
        build_partition_features: "features",
        train_over_partitions: list(trained.values()),
        assemble_model: "model",
        score_partitions: "scored",
    }
    return Pipeline(
        wire(functions, {**trained, **reads, "table_parameters": "params:table"}),
        namespace="no_show.cluster",
        parameters={
            rules: rules,
            "params:seed": "params:seed",
            own: "params:no_show.cluster",
            **{one: f"params:no_show.{name}" for name, one in of_study.items()},
        },
        tags=["cluster"],
    )
