"""The no-show study over partitions of a cluster: clean, features, train, score."""

from crossfold.pipelines.cluster.pipeline import create_pipeline

__all__ = ["create_pipeline"]
