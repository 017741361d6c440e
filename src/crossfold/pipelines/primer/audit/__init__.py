"""The audit of the primer's two source notebooks."""

from crossfold.pipelines.primer.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
