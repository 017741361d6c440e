"""The audit of the wine study's source."""

from crossfold.pipelines.wine.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
