"""The study of images of several classes, from the published files to the report."""

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.images import data, nodes, report
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.cross_validation.nodes import join_tables
from crossfold.templates.wiring import Functions, wire, wire_stages

_PARAMETERS = (
    *("split", "experiments", "starts", "regimes", "twin", "strong", "augmentation"),
    *("classes", "seed", "comparisons", "evaluation", "card"),
)
_NOT_MADE = (
    *("table", "features", "row_counts", "folds"),
    *("feature_importance", "feature_effects", "tuned_search"),
)


def create_pipeline(study: str, source: str) -> Pipeline:
    """Build the study, from the published files to the report.

    `study` and `source` (of the images: ``mnist``) are names, of namespaces too. The files are
    ``SOURCE.train_raw`` and ``SOURCE.test_raw``; they make ``SOURCE_images`` and ``SOURCE_labels``.
    """
    return create_data(source) + create_modelling(study, source) + create_report(study, source)


def create_data(source: str) -> Pipeline:
    """Join the published parts, count them, find duplicates; see `create_pipeline`."""
    return Pipeline(
        wire({data.join_images: ["images", "labels", "row_counts"]}, {}),
        namespace=source,
        outputs={"images": f"{source}_images", "labels": f"{source}_labels"},
        tags=["data_engineering"],
    )


def create_modelling(study: str, source: str) -> Pipeline:
    """Split, train the experiments, the twins and the strong model, evaluate."""
    trained = ["networks", "history", "scores"]
    stages: dict[str, Functions] = {
        "split": {data.assign_parts: "split", data.guard_against_leaks: "leak_guard"},
        "experiments": {
            nodes.choose_learning_rates: "learning_rates",
            nodes.train_experiments: ["experiments", *(f"experiment_{n}" for n in trained)],
        },
        "twins": {nodes.train_twins: ["twins", *(f"twin_{n}" for n in trained)]},
        "strong_model": {nodes.fit_strong_model: ["model", "strong_scores"]},
        "evaluation": {
            nodes.evaluate_networks: "metrics_table",
            summarise_metrics: "metrics",
            nodes.compare_models: "comparison",
            nodes.write_model_card: "model_card",
        },
    }
    joined = {
        "predictions": ["experiment_scores", "twin_scores", "strong_scores"],
        "history": ["experiment_history", "twin_history"],
    }
    names = {"split_table": "split", **{name: f"params:{name}" for name in _PARAMETERS}}
    return Pipeline(
        [
            *wire_stages(stages, names),
            *(
                Node(join_tables, tables, name, name=f"collect_{name}", namespace="evaluation")
                for name, tables in joined.items()
            ),
        ],
        namespace=study,
        inputs={"images": f"{source}_images", "labels": f"{source}_labels"},
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def create_report(study: str, source: str) -> Pipeline:
    """Names of models, tables, figures and the page."""
    reads = ["experiments", "twins", "params:report"]
    naming = Node(report.model_names, reads, "names", name="name_models", namespace="reporting")
    return Pipeline([naming], namespace=study, tags=["reporting"]) + reporting.create_pipeline(
        study,
        inputs={
            **{name: f"{source}_{name}" for name in ("images", "labels")},
            "classes": "params:classes",
        },
        **reporting.parts_of(report),
        without=_NOT_MADE,
    )
