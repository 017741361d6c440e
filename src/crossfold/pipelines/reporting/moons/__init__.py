"""The moons report."""

from crossfold.pipelines.reporting.moons.pipeline import create_pipeline

__all__ = ["create_pipeline"]
