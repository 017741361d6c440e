"""Data engineering of labelled images: one namespace for each source."""

from crossfold.pipelines.data_engineering.images.pipeline import create_pipeline

__all__ = ["create_pipeline"]
