"""Studies of any table, by configuration: what it holds, its typed rows, its models."""

from crossfold.pipelines.table.pipeline import PARAMETERS_FILE, create_pipeline, create_scoring

__all__ = ["PARAMETERS_FILE", "create_pipeline", "create_scoring"]
