"""Validation: folds that do not leak, metrics with intervals, calibration, comparison."""

from crossfold.validation.calibration import (
    CalibrationError,
    Calibrator,
    calibration_measures,
    calibrator_from_dict,
    fit_calibrator,
    reliability_curve,
)
from crossfold.validation.comparison import (
    TestResult,
    corrected_resampled_t_test,
    equivalence_test,
    mcnemar_test,
    permute_labels,
    verdict,
)
from crossfold.validation.drift import (
    FAR_SHIFTED,
    SHIFTED,
    feature_drift,
    label_rates,
    population_stability_index,
    rate_changes,
)
from crossfold.validation.intervals import (
    GroupBootstrap,
    bootstrap_metrics,
    metric_rows,
    percentile_interval,
    t_interval,
)
from crossfold.validation.leak_guard import (
    NOT_SYNTHETIC,
    LeakError,
    check_leaks,
    equal_rows,
    find_leaks,
)
from crossfold.validation.metrics import METRICS, binary_metrics, wilson_interval
from crossfold.validation.multiclass import (
    MULTICLASS_METRICS,
    multiclass_metrics,
    paired_bootstrap,
    paired_t_test,
)
from crossfold.validation.splits import (
    SplitError,
    assign_folds,
    assign_parts,
    fold_rows,
    last_part,
    leave_one_out,
    time_split,
)
from crossfold.validation.subgroups import subgroup_table
from crossfold.validation.thresholds import (
    ThresholdError,
    capacity_table,
    choose_threshold,
    decision_curve,
    threshold_table,
)

__all__ = [
    "FAR_SHIFTED",
    "METRICS",
    "MULTICLASS_METRICS",
    "NOT_SYNTHETIC",
    "SHIFTED",
    "CalibrationError",
    "Calibrator",
    "GroupBootstrap",
    "LeakError",
    "SplitError",
    "TestResult",
    "ThresholdError",
    "assign_folds",
    "assign_parts",
    "binary_metrics",
    "bootstrap_metrics",
    "calibration_measures",
    "calibrator_from_dict",
    "capacity_table",
    "check_leaks",
    "choose_threshold",
    "corrected_resampled_t_test",
    "decision_curve",
    "equal_rows",
    "equivalence_test",
    "feature_drift",
    "find_leaks",
    "fit_calibrator",
    "fold_rows",
    "label_rates",
    "last_part",
    "leave_one_out",
    "mcnemar_test",
    "metric_rows",
    "multiclass_metrics",
    "paired_bootstrap",
    "paired_t_test",
    "percentile_interval",
    "permute_labels",
    "population_stability_index",
    "rate_changes",
    "reliability_curve",
    "subgroup_table",
    "t_interval",
    "threshold_table",
    "time_split",
    "verdict",
    "wilson_interval",
]
