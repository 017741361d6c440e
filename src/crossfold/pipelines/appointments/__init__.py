"""Medical appointments: from the raw export to the feature table."""

from crossfold.pipelines.appointments.pipeline import create_pipeline

__all__ = ["create_pipeline"]
