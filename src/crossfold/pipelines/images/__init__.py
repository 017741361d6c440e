"""Studies of images of several classes: handwritten digits, clothes."""

from crossfold.pipelines.images.pipeline import create_pipeline as create_pipeline
