"""Reporting of the gene expression study: tables, figures, one HTML report."""

from crossfold.pipelines.reporting.gene_expression.pipeline import create_pipeline

__all__ = ["create_pipeline"]
