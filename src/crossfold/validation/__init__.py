"""Validation: folds that do not leak, metrics with intervals, calibration, comparison."""
