"""What each figure shows, for those who see it (caption) and for those who do not (alt text)."""

from crossfold.pipelines.reporting.report import Caption

CAPTIONS = {
    "experiment_accuracy": Caption(
        "Test accuracy of every experiment with 95 % intervals, the regimes beside each other.",
        "All marks of a regime and split are on the same test images. Where there are several "
        "seeds, small marks are the seeds, and the interval is that of their mean over images.",
    ),
    "learning_rate_choice": Caption(
        "Validation accuracy of every experiment over the learning rates that were tried.",
        "Each experiment keeps the rate with the best accuracy on the validation images (filled); "
        "the test images take no part in it.",
    ),
    "training_curves": Caption(
        "Loss and accuracy on training and validation images over epochs, in every regime.",
        "Lines are means over seeds, bands their range where there are several. In full batch an "
        "epoch is one step; in mini-batches it is one step for each batch.",
    ),
    "scores_over_epochs": Caption(
        "Four panels: accuracy, macro precision, macro recall and macro F1 over epochs.",
        "On the validation images; precision, recall and F1 are plain means over the classes.",
    ),
    "paired_differences": Caption(
        "Differences in test accuracy between pairs of models, with 95 % intervals.",
        "Both models of a pair name the same test images. An interval that holds 0 "
        "shows no difference. Where there are several seeds, each has a mark.",
    ),
    "twins": Caption(
        "Test accuracy and training time of NumPy and PyTorch, in each regime.",
        "Marks of one regime stand together: within it only the framework differs.",
    ),
    "twin_training": Caption(
        "Loss and accuracy of the NumPy and the PyTorch twin over epochs, in every regime.",
        "Where the two coincide, the thin line runs within the wide one.",
    ),
    "twin_confusion": Caption(
        "Heat maps of true against predicted class of the PyTorch twin, in per cent of the "
        "predicted class.",
        "The diagonal is each class's precision. Shares that round to 0 are left blank.",
    ),
    "confusion_by_truth": Caption(
        "Heat maps of true against predicted class, in per cent of the true class.",
        "The diagonal is each class's recall. Shares that round to 0 are left blank.",
    ),
    "confusion_by_prediction": Caption(
        "Heat maps of true against predicted class, in per cent of the predicted class.",
        "The diagonal is each class's precision. Shares that round to 0 are left blank.",
    ),
    "precision_recall": Caption(
        "Precision-recall curves of each class against all others, one panel a class.",
        "The nearer to the upper right corner, the better a class is told from the others.",
    ),
    "class_scores": Caption(
        "Precision and recall of each class with 95 % intervals, by model.",
        "Where the marks lie far left, the class is the hard one. Intervals are Wilson's.",
    ),
    "most_confidently_wrong": Caption(
        "A page of test images with their true class, their predicted class and its probability.",
        "The test images on which the strong model is wrong and surest of itself.",
    ),
    "random_test_images": Caption(
        "Test images drawn at random, with true class, predicted class and its probability.",
        "Drawn from the standard test images with the run's seed; named by the strong model.",
    ),
    "sample_images": Caption(
        "A row of sample images for each class.",
        "Drawn at random from all images with the run's seed.",
    ),
    "class_counts": Caption(
        "Share of each class in the training, validation and test images of both splits.",
        "The split is stratified where the marks of a class stand below each other.",
    ),
}
