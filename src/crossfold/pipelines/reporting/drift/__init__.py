"""The page about data that have changed between two refreshes."""

from crossfold.pipelines.reporting.drift.figure import draw
from crossfold.pipelines.reporting.drift.page import write

__all__ = ["draw", "write"]
