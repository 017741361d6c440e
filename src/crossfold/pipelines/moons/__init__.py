"""The study of two moons: points drawn with a seed, for training and for testing apart."""

from crossfold.pipelines.moons.pipeline import create_pipeline as create_pipeline
