"""The project's pipelines by name."""

from functools import cache
from pathlib import Path

from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from crossfold.pipelines import gene_expression, images, moons, no_show, primer, table, wine
from crossfold.pipelines.gene_expression import audit as expression_audit
from crossfold.pipelines.images import audit as image_audit
from crossfold.pipelines.moons import audit as moons_audit
from crossfold.pipelines.no_show import audit as no_show_audit
from crossfold.pipelines.no_show import cluster, scoring
from crossfold.pipelines.primer import audit as primer_audit
from crossfold.pipelines.public_notebooks import audit as notebooks_audit
from crossfold.pipelines.table import PARAMETERS_FILE
from crossfold.pipelines.wine import audit as wine_audit
from crossfold.templates.audit.pipeline import join_audits

STAGES = ("data_engineering", "modelling", "reporting")


def own_tables() -> list[str]:
    """List the studies of the user's own tables: those that ``kedro study new`` configured."""
    root = find_kedro_project(Path.cwd()) or Path(__file__).parents[2]
    return sorted(file.parent.name for file in root.glob(f"conf/base/*/{PARAMETERS_FILE}"))


def register_pipelines() -> dict[str, Pipeline]:
    """List the pipelines that ``kedro run --pipelines=NAME`` can run."""
    return dict(_build(tuple(own_tables())))


@cache  # Kedro asks anew whenever other pipelines are requested: twice in each run
def _build(tables: tuple[str, ...]) -> dict[str, Pipeline]:
    studies = {
        "no_show": no_show.create_pipeline(),
        "digits": images.create_pipeline("digits", "mnist"),
        "fashion": images.create_pipeline("fashion", "fashion_mnist"),
        "gene_expression": gene_expression.create_pipeline(),
        "wine": wine.create_pipeline(),
        "moons": moons.create_pipeline(),
        "primer": primer.create_pipeline(),
        **{name: table.create_pipeline(name) for name in tables},
    }
    audits = {
        "no_show": no_show_audit.create_pipeline(),
        "digits": image_audit.create_pipeline("digits", "mnist"),
        "fashion": image_audit.create_pipeline("fashion", "fashion_mnist"),
        "gene_expression": expression_audit.create_pipeline(),
        "wine": wine_audit.create_pipeline(),
        "moons": moons_audit.create_pipeline(),
        "primer": primer_audit.create_pipeline(),
        "public_notebooks": notebooks_audit.create_pipeline(),
    }
    every = Pipeline(studies.values())
    return {
        **studies,
        **{f"{study}_audit": pipeline for study, pipeline in audits.items()},
        "audit": Pipeline([*audits.values(), join_audits(tuple(audits))]),
        "no_show_cluster": cluster.create_pipeline(),
        "no_show_score": scoring.create_pipeline(),
        **{f"{name}_score": table.create_scoring(name) for name in tables},
        **{stage: every.only_nodes_with_tags(stage) for stage in STAGES},
        "all": every,
        "__default__": studies["no_show"],
    }
