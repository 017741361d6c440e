"""The primer's report."""

from crossfold.pipelines.reporting.primer.pipeline import create_pipeline

__all__ = ["create_pipeline"]
