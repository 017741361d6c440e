"""Audit of the two moons: a figure from the training points of a run without a seed."""

from crossfold.pipelines.audit.moons.pipeline import create_pipeline

__all__ = ["create_pipeline"]
