"""The reporting template and the descriptions of the studies that use it."""

from crossfold.pipelines.reporting.appointments import APPOINTMENTS
from crossfold.pipelines.reporting.pipeline import Description, create_pipeline

__all__ = ["APPOINTMENTS", "Description", "create_pipeline"]
