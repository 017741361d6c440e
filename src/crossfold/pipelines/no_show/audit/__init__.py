"""The audit of the no-show study's source."""

from crossfold.pipelines.no_show.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
