"""Template: what a study made becomes tables, figures and a report of one HTML file."""

from crossfold.templates.reporting.pipeline import create_pipeline as create_pipeline
from crossfold.templates.reporting.pipeline import parts_of as parts_of
