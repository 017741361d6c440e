"""First steps: two small networks whose every number can be followed by hand."""

from crossfold.pipelines.primer.pipeline import create_pipeline as create_pipeline
