"""Scoring: the model in use ranks coming appointments by risk."""

from crossfold.pipelines.scoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
