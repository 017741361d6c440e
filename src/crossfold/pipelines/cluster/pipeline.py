"""The pipeline over partitions: the functions of one machine, on tables of any length."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from crossfold.pipelines.cluster import nodes
from crossfold.templates.cross_validation.final_model import assemble_model
from crossfold.templates.wiring import wire


def create_pipeline(study: str) -> Pipeline:
    """Build the pipeline that reads ``STUDY.cluster.parts``, and trains and scores a model.

    Its tables are Dask DataFrames. Columns, encoding and decision are the study's.
    """
    rules, own = "params:appointments", "params:cluster"
    trained = ["fitted", "left_out"]
    read = ["features", "params:table", "params:preparation", own, "params:seed"]
    assembled = [*trained, "features", "params:decision", "params:table"]
    return Pipeline(
        wire(
            (nodes.shuffle_by_patient, ["parts", own], "by_patient"),
            (nodes.clean_partitions, ["by_patient", rules], ["appointments", "rejected"]),
            (nodes.count_rows, ["by_patient", "appointments", "rejected"], "row_counts"),
            (nodes.build_partition_features, ["appointments", rules], "features"),
            (nodes.train_over_partitions, read, trained),
            (assemble_model, assembled, "model"),
            (nodes.score_partitions, ["model", "features"], "scored"),
        ),
        namespace=f"{study}.cluster",
        parameters={
            rules: rules,
            "params:seed": "params:seed",
            own: f"params:{study}.cluster",
            **{f"params:{n}": f"params:{study}.{n}" for n in ("table", "preparation", "decision")},
        },
        tags=["cluster"],
    )
