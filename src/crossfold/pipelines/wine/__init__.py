"""The study of wine colours: red or white."""

from crossfold.pipelines.wine.pipeline import create_pipeline

__all__ = ["create_pipeline"]
