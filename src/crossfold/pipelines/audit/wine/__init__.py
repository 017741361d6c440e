"""The audit of the wine study's source."""

from crossfold.pipelines.audit.wine.pipeline import create_pipeline

__all__ = ["create_pipeline"]
