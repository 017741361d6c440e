"""Modelling of the leukaemia patients: few rows, thousands of columns."""

from crossfold.pipelines.modelling.gene_expression.pipeline import create_pipeline

__all__ = ["create_pipeline"]
