"""Reporting template of studies that predict a 0/1 column, and the words of each such study."""

from crossfold.pipelines.reporting.binary.appointments import APPOINTMENTS
from crossfold.pipelines.reporting.binary.pipeline import Description, create_pipeline

__all__ = ["APPOINTMENTS", "Description", "create_pipeline"]
