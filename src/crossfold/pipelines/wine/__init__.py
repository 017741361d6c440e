"""The study of wine colours: red or white."""

from crossfold.pipelines.wine.pipeline import create_pipeline as create_pipeline
