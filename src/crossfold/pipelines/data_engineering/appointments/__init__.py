"""Medical appointments: from the raw export to the feature table."""

from crossfold.pipelines.data_engineering.appointments.pipeline import create_pipeline

__all__ = ["create_pipeline"]
