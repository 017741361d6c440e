"""A Kedro plugin: rerun what data, parameters or code have changed for, and nothing else."""

__version__ = "0.1.0"
