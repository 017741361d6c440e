"""Data engineering of the leukaemia patients: two source files and their labels, joined."""

from crossfold.pipelines.data_engineering.gene_expression.pipeline import create_pipeline

__all__ = ["create_pipeline"]
