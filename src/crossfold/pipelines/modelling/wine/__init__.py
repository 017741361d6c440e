"""Modelling of the wines: a grid search inside every fold of a cross-validation."""

from crossfold.pipelines.modelling.wine.pipeline import create_pipeline

__all__ = ["create_pipeline"]
