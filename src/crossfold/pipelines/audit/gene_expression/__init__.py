"""The audit of the gene expression study's source."""

from crossfold.pipelines.audit.gene_expression.pipeline import create_pipeline

__all__ = ["create_pipeline"]
