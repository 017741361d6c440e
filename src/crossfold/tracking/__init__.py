"""Tracking: each run's parameters, metrics, figures and models in a local MLflow store.

Off unless the extra ``mlflow`` is installed and ``tracking`` is true in globals.yml.
"""
