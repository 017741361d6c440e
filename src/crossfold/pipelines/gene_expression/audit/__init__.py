"""The audit of the gene expression study's source."""

from crossfold.pipelines.gene_expression.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
