"""The words beside the figures."""

from __future__ import annotations

from crossfold.pipelines.reporting.report import Caption

CAPTIONS = {
    "model_comparison": Caption(
        "Accuracy of every model under three protocols, with intervals that mostly overlap",
        "One patient more or less is 1.4 % of 72 and 2.9 % of 34. Where intervals overlap this "
        "much, the order of the models is chance.",
    ),
    "controls": Caption(
        "Balanced accuracy on permuted labels: at chance inside the folds, far above it before the "
        "split",
        "Whatever stands above 50 % here is a leak: the labels say nothing of the patients. With "
        "SMOTE before the split, the figure is on the resampled table, as such a protocol "
        "counts it.",
    ),
    "class_counts": Caption(
        "Patients of each class in a training fold, as they are, down-sampled and with SMOTE",
        "Resampling happens inside the training folds alone. Patients who are validated are those "
        "of the source files.",
    ),
    "resampling_curves": Caption(
        "Losses and F1 over epochs for the network under four ways of treating the classes",
        "F1 counts the validation patients of all folds together. Training losses are on each "
        "way's own resampled or weighted patients, so they are not comparable; F1 is. Bands: range "
        "over the networks' starts.",
    ),
    "k_fold_curves": Caption(
        "Mean loss and pooled accuracy over epochs in the repeated k-fold cross-validation",
        "Every fold trains a fresh network, so these curves begin where an untrained network is. "
        "One network trained on through all folds would have seen its validation patients.",
    ),
    "leave_one_out_curves": Caption(
        "Mean loss and pooled accuracy over epochs in leave-one-out",
        "72 networks a start, all trained as one stack, each scored on the one patient that it "
        "does not know.",
    ),
    "selected_probes": Caption(
        "Share of training folds that chose each probe, by gene",
        "Folds of the repeated cross-validation. Stars mark what the final model reads, which "
        "chose among all patients.",
    ),
    "patients_2d": Caption(
        "Patients on the first two principal components, of all probes and of the chosen ones",
        "A description of these patients, not a proof. The probes of the lower panel were chosen "
        "with the labels of the very patients it shows, so it must look better than the truth.",
    ),
}
