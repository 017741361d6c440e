"""The study of leukaemia patients: few rows, thousands of columns."""

from crossfold.pipelines.gene_expression.pipeline import create_pipeline as create_pipeline
