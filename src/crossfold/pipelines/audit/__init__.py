"""Audits: what a source printed, what its protocol gives, and which fault explains the rest."""

from crossfold.pipelines.audit.reporting.pipeline import create_pipeline, create_report

__all__ = ["create_pipeline", "create_report"]
