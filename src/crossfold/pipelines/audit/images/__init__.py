"""Audit template of studies that tell images of several classes apart."""

from crossfold.pipelines.audit.images.pipeline import create_pipeline

__all__ = ["create_pipeline"]
