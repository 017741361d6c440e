"""Data engineering of the wines: two tables, one colour each."""

from crossfold.pipelines.data_engineering.wine.pipeline import create_pipeline

__all__ = ["create_pipeline"]
