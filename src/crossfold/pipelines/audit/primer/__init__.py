"""Audit of the primer: a first network whose update leaves out a derivative."""

from crossfold.pipelines.audit.primer.pipeline import create_pipeline

__all__ = ["create_pipeline"]
