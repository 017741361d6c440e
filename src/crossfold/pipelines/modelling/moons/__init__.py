"""Modelling of two moons: points drawn with a seed, for training and for testing apart."""

from crossfold.pipelines.modelling.moons.pipeline import create_pipeline

__all__ = ["create_pipeline"]
