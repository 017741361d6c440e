"""Reporting template of studies that classify images."""

from crossfold.pipelines.reporting.images.pipeline import create_pipeline

__all__ = ["create_pipeline"]
