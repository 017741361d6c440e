"""Medical appointments: from the raw export to the feature table."""

from crossfold.pipelines.appointments.pipeline import create_pipeline as create_pipeline
