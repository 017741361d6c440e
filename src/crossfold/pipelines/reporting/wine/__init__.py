"""The wine report."""

from crossfold.pipelines.reporting.wine.pipeline import create_pipeline

__all__ = ["create_pipeline"]
