"""The audit of the moons study's source."""

from crossfold.pipelines.moons.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
