"""Modelling template: one namespace for each study."""

from crossfold.pipelines.modelling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
