"""Modelling template of studies that predict a 0/1 column of a table."""

from crossfold.pipelines.modelling.binary.pipeline import create_pipeline

__all__ = ["create_pipeline"]
