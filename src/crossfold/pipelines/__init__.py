"""Pipelines: one package for each kind of work, listed by name in ``pipeline_registry``."""
