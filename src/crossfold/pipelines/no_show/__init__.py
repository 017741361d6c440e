"""The study of appointment no-shows: data, models and report."""

from crossfold.pipelines.no_show.pipeline import create_pipeline as create_pipeline
