"""What each figure shows, for those who see it (caption) and for those who do not (alt text)."""

from crossfold.pipelines.reporting.report import Caption

CAPTIONS = {
    "class_counts": Caption(
        "Bar chart with the number of kept and of missed appointments.",
        "One class is much the smaller one: accuracy alone says little here.",
    ),
    "no_show_by_lead_time": Caption(
        "No-show rate by days between booking and appointment, with 95 % intervals.",
        "Same-day appointments are nearly always kept; the rate grows with the wait.",
    ),
    "no_show_by_age": Caption(
        "Line chart of the no-show rate by age in bands of five years, with 95 % intervals, over "
        "bars with the number of rows in each band.",
        "Age 0 is a real age: infants are in.",
    ),
    "no_show_by_condition": Caption(
        "No-show rates with and without scholarship, hypertension, diabetes and alcoholism, with "
        "95 % intervals and numbers of rows.",
        "Raw rates: people with a condition differ in age and in how far ahead they book.",
    ),
    "no_show_by_handicap": Caption(
        "No-show rate by handicap level from 0 to 4, with 95 % intervals and numbers of rows.",
        "The higher levels hold few rows, as their intervals show.",
    ),
    "sms_by_lead_time": Caption(
        "Two panels of no-show rates with and without an SMS: over all rows above, and within "
        "each range of lead time below.",
        "The raw rates mislead: no SMS is sent for appointments booked less than three days ahead, "
        "which are also the ones that are kept. Compare within the same lead time; even there, no "
        "lot decided who got an SMS.",
    ),
    "model_comparison": Caption(
        "ROC-AUC, PR-AUC and Brier score of every model with 95 % intervals.",
        "All models on the same folds. The Brier score is of calibrated probabilities.",
    ),
    "rows_apart": Caption(
        "ROC-AUC of every model on all rows, on same-day rows and on later rows, with 95 % "
        "intervals.",
        "The ROC-AUC on all rows rewards telling the easy rows from the others. Within either part "
        "that help is gone.",
    ),
    "twin_training": Caption(
        "Validation loss, validation F1 and seconds by epoch of the NumPy and the PyTorch network.",
        "Same start, same batches, same folds: the lines of loss and F1 lie on each other. Time "
        "is that of this machine.",
    ),
    "twin_curves": Caption(
        "ROC curve and precision-recall curve of the NumPy and the PyTorch network.",
        "The curves of the two engines lie on each other.",
    ),
    "loss_weighting": Caption(
        "Training loss, validation loss, F1 at a threshold of 0.4 and F1 at the best threshold, by "
        "epoch, under the plain and the weighted loss.",
        "At a threshold of 0.4 for both, weighting seems to raise F1: it only moves all "
        "probabilities up. At each network's own best threshold the comparison is fair.",
    ),
    "reliability": Caption(
        "Observed rate against predicted probability, before and after calibration, with a "
        "histogram of the predictions below each panel.",
        "Points on the grey line mean what they say. Class weights distort probabilities; "
        "calibration inside each training fold mends them.",
    ),
    "thresholds": Caption(
        "Precision, recall, false positive rate and F1 over 101 decision thresholds, with a line "
        "at the chosen one.",
        "The chosen threshold is the mean of those chosen inside each training fold.",
    ),
    "capacity": Caption(
        "Precision and recall by the share of patients called, riskiest first, with 95 % "
        "intervals as bands.",
        "Read upwards from the share that can be called.",
    ),
    "decision_curve": Caption(
        "Net benefit by the probability from which a call is worth its cost, for calling by "
        "model, calling everyone and calling no one.",
        "The highest line at the clinic's own cost of a call is the best policy (Vickers and "
        "Elkin 2006).",
    ),
    "confusion_matrices": Caption(
        "Counts of kept and missed appointments by whether they were flagged, for both twins and "
        "for the tuned network.",
        "Percentages are of each row. Each fold uses the threshold chosen inside its own "
        "training rows.",
    ),
    "subgroups": Caption(
        "No-show rate, share flagged, recall and ROC-AUC by sex, age band, scholarship and "
        "disability, with 95 % intervals.",
        "A group that is flagged more often carries more of the calls, and of the false alarms.",
    ),
    "permuted_control": Caption(
        "ROC-AUC on the real labels beside the one on permuted labels, with 95 % intervals.",
        "On permuted labels there is nothing to learn: a figure away from 0.5 would mean that the "
        "answer leaks into the inputs.",
    ),
    "time_split": Caption(
        "ROC-AUC in grouped folds beside the one of training on the past and testing on later "
        "days, with 95 % intervals.",
        "The time split asks what counts in use: does the past teach what the coming days hold?",
    ),
}
