"""The wine pipeline: join red and white, and find rows that measure the same."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.data_engineering.wine import nodes


def create_pipeline() -> Pipeline:
    """Build the pipeline; it reads ``red_wines_raw`` and ``white_wines_raw``."""
    return Pipeline(
        [
            Node(
                nodes.join_wines,
                ["red_wines_raw", "white_wines_raw"],
                "wines",
                name="join_wines",
            ),
            Node(nodes.count_wines, "wines", "wines_row_counts", name="count_wines"),
        ],
        tags=["data_engineering"],
    )
