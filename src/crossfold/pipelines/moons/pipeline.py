"""The moons study: points, training on both engines, new draws, a map of the plane, the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.moons import nodes
from crossfold.pipelines.reporting import moons as reporting

STUDY = "moons"
_NETWORK = ["params:network", "params:variants", "params:seed"]


def create_pipeline() -> Pipeline:
    """Build the study; it draws its own points."""
    return (
        Pipeline(
            [*_training_nodes(), *_evaluation_nodes()],
            namespace=STUDY,
            parameters={"params:seed": "params:seed"},
            tags=["modelling"],
        )
        + reporting.create_pipeline()
    )


def _training_nodes() -> list[Node]:
    return [
        Node(
            nodes.draw_points,
            ["params:points", "params:seed"],
            "points",
            name="draw_points",
            namespace="data",
        ),
        *(
            Node(
                function,
                ["points", *_NETWORK],
                [f"{engine}_predictions", f"{engine}_history"],
                name=f"train_{engine}",
                namespace="training",
            )
            for engine, function in (("numpy", nodes.train_numpy), ("torch", nodes.train_torch))
        ),
        Node(
            nodes.repeat_draws,
            ["points", "params:points", "params:draws", *_NETWORK],
            "draws",
            name="repeat_draws",
            namespace="training",
        ),
        Node(
            nodes.map_plane,
            ["points", "params:network", "params:variants", "params:draws", "params:seed"],
            "plane",
            name="map_plane",
            namespace="training",
        ),
    ]


def _evaluation_nodes() -> list[Node]:
    return [
        *(
            Node(
                nodes.join_tables,
                [f"numpy_{made}", f"torch_{made}"],
                made,
                name=f"join_{made}",
                namespace="evaluation",
            )
            for made in ("predictions", "history")
        ),
        Node(
            nodes.evaluate_variants,
            "predictions",
            "metrics_table",
            name="evaluate_variants",
            namespace="evaluation",
        ),
        Node(
            nodes.compare_engines,
            "predictions",
            "comparison",
            name="compare_engines",
            namespace="evaluation",
        ),
    ]
