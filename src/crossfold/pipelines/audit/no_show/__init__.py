"""The audit of the no-show study's source."""

from crossfold.pipelines.audit.no_show.pipeline import create_pipeline

__all__ = ["create_pipeline"]
