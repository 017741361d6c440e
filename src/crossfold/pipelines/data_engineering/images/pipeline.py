"""The image pipeline: join the published parts, count them, find duplicates."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.data_engineering.images import nodes


def create_pipeline(source: str) -> Pipeline:
    """Build the pipeline of a source of images.

    Parameters
    ----------
    source
        Name of the source and of its namespace: ``mnist`` for one. It reads
        ``SOURCE.train_raw`` and ``SOURCE.test_raw`` and makes ``SOURCE_images`` and
        ``SOURCE_labels``.
    """
    return Pipeline(
        [
            Node(
                nodes.join_images,
                ["train_raw", "test_raw"],
                ["images", "labels", "row_counts"],
                name="join_images",
            )
        ],
        namespace=source,
        outputs={"images": f"{source}_images", "labels": f"{source}_labels"},
        tags=["data_engineering"],
    )
