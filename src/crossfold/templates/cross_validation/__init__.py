"""Template: a table is cross-validated by networks, baselines and references, without a leak."""

from crossfold.templates.cross_validation.pipeline import create_pipeline as create_pipeline
