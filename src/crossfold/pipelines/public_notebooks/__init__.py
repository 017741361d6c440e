"""The audit of what public notebooks report on the table of appointments."""

from crossfold.pipelines.public_notebooks.audit import create_pipeline

__all__ = ["create_pipeline"]
