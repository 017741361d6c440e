"""The words beside the figures."""

from crossfold.pipelines.reporting.report import Caption

CAPTIONS = {
    "accuracy": Caption(
        "Accuracy of three models with 95 % intervals, over all folds and on one split.",
        "Over all folds every wine is called once, by a model that saw no wine measuring the same. "
        "The single split is one fold of them: its interval is wide enough to hold differences "
        "that a report of one split would call progress.",
    ),
    "nested_search": Caption(
        "For each outer fold, the best inner accuracy of the grid and the accuracy on held-out "
        "wines.",
        "Each row is a search of its own; the labels name what it chose. Folds that choose "
        "differently show that the grid's best is a matter of the split.",
    ),
    "grid": Caption(
        "Mean accuracy on inner folds of every candidate of the grid, with the range over outer "
        "folds.",
        "Where the ranges overlap, the search has nothing to choose by but chance.",
    ),
    "importance": Caption(
        "Accuracy that the network loses when one column of unseen wines is shuffled.",
        "A column whose interval holds zero is one the network can do without, given the others; "
        "columns that say the same share their importance.",
    ),
    "training_curves": Caption(
        "Training and held-out loss over epochs, on a logarithmic scale.",
        "The networks of all folds are trained as one stack. Held-out loss that rises while "
        "training loss falls means confidence that is no longer earned.",
    ),
    "permuted_control": Caption(
        "Area under the ROC curve of the MLP on real and on permuted labels.",
        "On permuted labels there is nothing to learn, and the same pipeline scores at chance.",
    ),
    "measurements": Caption(
        "Histograms of eleven measurements and of quality for red and white wines.",
        "Densities, between the 0.5th and the 99.5th percentile. Several columns nearly tell the "
        "colours apart alone; quality does not.",
    ),
}
