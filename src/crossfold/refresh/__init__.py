"""Refresh: rerun what data, parameters or code have changed for, and nothing else."""
