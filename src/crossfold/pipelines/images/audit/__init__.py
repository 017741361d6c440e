"""The audits of the image studies' sources: digits and fashion."""

from crossfold.pipelines.images.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
