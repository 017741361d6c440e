"""What runs on a cluster of Dask: two worker processes of this machine, for all these tests."""

import os
import re
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import dask
import joblib
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from kedro.io import Version
from sklearn.datasets import make_classification
from tests.processes import start_to_fork

from crossfold.cluster import ClusterHooks
from crossfold.datasets import (
    ExportDataset,
    ExportPartsDataset,
    PartsDataset,
    SampleDataset,
)
from crossfold.datasets.bases import DataError
from crossfold.datasets.samples import PUBLISHED
from crossfold.exceptions import CrossfoldError
from crossfold.mlp import FoldStack, MLPClassifier
from crossfold.mlp.parallel import run_tasks
from crossfold.pipelines.appointments import cleaning
from crossfold.pipelines.appointments.cleaning import AppointmentsParameters
from crossfold.pipelines.appointments.features import build_features
from crossfold.pipelines.appointments.nodes import clean_appointments
from crossfold.pipelines.no_show import cluster as nodes
from crossfold.templates.cross_validation.encoding import TableEncoder, target_numbers
from crossfold.templates.cross_validation.final_model import assemble_model, score
from crossfold.templates.cross_validation.parameters import (
    DecisionParameters,
    PreparationParameters,
)
from crossfold.templates.cross_validation.training import make_network
from crossfold.templates.parameters import TableParameters

RULES = AppointmentsParameters()
# Of Dask, which does what this pandas will no longer do some day.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword in")
TABLE = TableParameters(target="no_show")
SMALL = nodes.ClusterParameters(
    n_partitions=3, epochs=2, network={"hidden_layer_sizes": [4], "batch_size": 50}
)
EXPORT = {"columns": PUBLISHED, "hashed_columns": ["patient"], "credentials": {"key": "k"}}


@pytest.fixture(scope="module")
def cluster():
    start_to_fork()
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit="2GB", dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


class TestHooks:
    def hooks(self, **settings):
        loader = type("Loader", (dict,), {"runtime_params": settings})(globals={"backend": None})
        hooks = ClusterHooks()
        hooks.after_context_created(SimpleNamespace(config_loader=loader))
        return hooks

    def test_what_a_node_hands_out_goes_to_the_workers(self, cluster):
        hooks = self.hooks(backend="dask", scheduler=cluster.scheduler.address)
        hooks.before_pipeline_run()
        hooks.before_node_run()
        ran = [process for _, process in run_tasks(os.getpid, [(), ()])]
        hooks.after_node_run()
        hooks.after_pipeline_run()
        assert set(ran) <= set(cluster.run(os.getpid).values())
        assert joblib.effective_n_jobs(None) == 1

    def test_a_run_as_ever_hands_nothing_out(self):
        hooks = self.hooks()
        hooks.before_pipeline_run()
        hooks.before_node_run()
        assert joblib.effective_n_jobs(None) == 1
        hooks.on_node_error()
        hooks.on_pipeline_error()

    def test_a_backend_that_is_none_is_refused_in_one_sentence(self):
        with pytest.raises(CrossfoldError, match="The backend is 'dusk': it is one of loky"):
            self.hooks(backend="dusk")

    def test_a_scheduler_that_does_not_answer_is_told_in_one_sentence(self, monkeypatch):
        monkeypatch.setattr("crossfold.cluster.SECONDS_TO_CONNECT", 0.2)
        with pytest.raises(
            CrossfoldError, match=r"No scheduler of Dask answers at tcp://127.0.0.1"
        ):
            self.hooks(backend="dask", scheduler="tcp://127.0.0.1:1").before_pipeline_run()


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Give a folder with an export in three parts, the last in Parquet, and one with it as CSV."""
    folders = tmp_path_factory.mktemp("parts"), tmp_path_factory.mktemp("csv")
    raw = SampleDataset(of="appointments", n_rows=400, seed=1, credentials={"key": "k"}).load()
    rows = raw[list(PUBLISHED)].rename(columns=PUBLISHED)
    again = rows.iloc[20:50].assign(SMS_received="1")  # said once more in the last part
    tables = rows.iloc[:150], rows.iloc[150:300], pd.concat([rows.iloc[300:], again])
    for folder in folders:
        for number, table in enumerate(tables):
            table.to_csv(folder / f"part{number}.csv", index=False)
    (folders[0] / "part2.csv").unlink()
    tables[2].to_parquet(folders[0] / "part2.parquet")
    return folders


@pytest.fixture(scope="module")
def alone(parts):
    """Give what one machine makes of the export: cleaned, rejected, counts, features."""
    kept, rejected, counts = clean_appointments(
        ExportDataset(filepath=str(parts[1]), **EXPORT).load(), RULES
    )
    features = build_features(kept, "reminder").set_index(pd.Index(kept["appointment_id"]))
    return kept, rejected, counts, features


def stored(table, folder):
    """Save a table in parts under a name, and read it back."""
    dataset = PartsDataset(
        filepath=str(folder / "table.parquet"), version=Version(None, "2026-01-01T00.00.00.000Z")
    )
    dataset.save(table)
    assert dataset.exists()
    return dataset.load()


def assert_same_rows(ours, expected, by):
    """Compare tables of the same rows in any order; each part has categories of its own."""
    plain = [
        table.astype(dict.fromkeys(table.select_dtypes("category").columns, "str"))
        .sort_values(by)
        .reset_index(drop=True)
        for table in (ours[expected.columns.to_list()], expected)
    ]
    pd.testing.assert_frame_equal(*plain)


def read_shuffled(parts, folder):
    """Read an export in parts, and store it with all rows of a patient in one partition."""
    export = ExportPartsDataset(filepath=str(parts), **EXPORT)
    return stored(nodes.shuffle_by_patient(export.load(), SMALL), folder)


@pytest.fixture(scope="module")
def cleaned(cluster, parts, tmp_path_factory):
    by_patient = read_shuffled(parts[0], tmp_path_factory.mktemp("by_patient"))
    tables = nodes.clean_partitions(by_patient, RULES)
    return by_patient, stored(tables, tmp_path_factory.mktemp("cleaned"))


@pytest.fixture(scope="module")
def features(cleaned, tmp_path_factory):
    built = nodes.build_partition_features(cleaned[1], RULES)
    return stored(built, tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def trained(features):
    preparation = PreparationParameters(min_count=5, n_bins=4)
    return nodes.train_over_partitions(features, TABLE, preparation, SMALL, 7)


class TestPartitions:
    def test_rows_are_cleaned_and_counted_as_on_one_machine(self, cleaned, alone):
        by_patient, tables = cleaned
        assert tables["kept"].npartitions == 3
        assert_same_rows(tables["kept"].compute(), alone[0], "appointment_id")
        same = alone[1].astype({"source_file": "str"}).replace("part2.csv", "part2.parquet")
        assert_same_rows(tables["rejected"].compute(), same, ["source_file", "source_row"])
        assert nodes.count_rows(by_patient, tables) == alone[2]
        assert alone[2]["superseded"] >= 30

    def test_each_partition_is_cleaned_once_for_both_tables(self, cleaned, tmp_path, monkeypatch):
        parsed = []

        def parse(raw, parameters):
            parsed.append(len(raw))
            return cleaning.parse(raw, parameters)

        ours = SimpleNamespace(**{**vars(cleaning), "parse": parse})
        monkeypatch.setattr(nodes, "cleaning", ours)
        with dask.config.set(scheduler="synchronous"):
            stored(nodes.clean_partitions(cleaned[0], RULES), tmp_path)
        assert len([n_rows for n_rows in parsed if n_rows]) == 3

    def test_features_are_those_of_one_machine(self, features, alone):
        ours = features.compute().reset_index()
        assert_same_rows(ours, alone[3].reset_index(), "appointment_id")

    def test_a_worker_that_is_killed_changes_nothing(self, cluster, cleaned, alone):
        built = cluster.compute(nodes.build_partition_features(cleaned[1], RULES))
        process = next(iter(cluster.run(os.getpid).values()))
        os.kill(process, signal.SIGKILL)
        assert_same_rows(built.result().reset_index(), alone[3].reset_index(), "appointment_id")

    def test_networks_learn_as_by_hand_from_all_partitions_but_the_last(self, features, trained):
        (networks, document), scores = trained
        encoder = TableEncoder.from_dict(document["fitted"][0]["encoder"])
        parts = [part.compute() for part in features.partitions]
        by_hand = make_network(SMALL.network, "binary").set_params(random_state=7)
        rng = np.random.default_rng(7)
        for _ in range(2):
            for number in rng.permutation(2):
                target = target_numbers(parts[number]["no_show"], TABLE)
                by_hand.partial_fit(encoder.transform(parts[number]), target, classes=[0, 1])
        np.testing.assert_array_equal(by_hand.coefs_[0], networks[0].coefs_[0])
        assert len(scores) == len(parts[2])

    def test_scores_are_those_of_one_machine(self, features, trained, alone):
        model = assemble_model(*trained, features, DecisionParameters(), TABLE)
        ours = nodes.score_partitions(model, features).compute()
        expected = score(model, alone[3])
        pd.testing.assert_frame_equal(ours.sort_index(), expected.sort_index())
        assert ours["probability"].nunique() > 100


def told(dataset):
    """Read an export; give what refuses it, or its number of rows."""
    try:
        return len(dataset.load())
    except DataError as error:
        return str(error)


PATIENTS = [str(982_345_000_017 + 7919 * n) for n in range(200)]
OF_ANOTHER_PART = (
    [(one, "-") for one in PATIENTS[:100]],
    [(one, other) for one, other in zip(PATIENTS[100:], [*PATIENTS[:9], *["-"] * 91], strict=True)],
)
ONE_RANGE = [(100_000 + n, 100_000 + (n * 37 + 1) % 997) for n in range(997)]
EVERY_FIFTH = [(5 * patient, 5 * note) for patient, note in ONE_RANGE]


class TestIdentifiersOfOtherParts:
    @pytest.mark.parametrize(
        ("tables", "sentence"),
        [
            (OF_ANOTHER_PART, "part1.* in its column Note too, in 9 of 100 .* is row 1 below"),
            ((ONE_RANGE[:500], ONE_RANGE[500:]), "^997$"),
            ((EVERY_FIFTH[:500], EVERY_FIFTH[500:]), "in 500 of 500 rows"),
            ((PATIENTS[:0], OF_ANOTHER_PART[1]), "^100$"),
        ],
    )
    def test_they_are_refused_as_on_one_machine(self, cluster, tmp_path, tables, sentence):
        """Numbers of two kinds meet by chance where they fill a range, but not every fifth."""
        for number, rows in enumerate(tables):
            table = pd.DataFrame(rows, columns=["PatientId", "Note"], dtype="str")
            table.to_csv(tmp_path / f"part{number}.csv", index=False)
        options = {"hashed_columns": ["PatientId"], "credentials": {"key": "k"}}
        alone = str(told(ExportDataset(filepath=str(tmp_path), **options)))
        assert re.search(sentence, alone)
        table.to_parquet(tmp_path / "part1.parquet")
        (tmp_path / "part1.csv").unlink()
        in_parts = str(told(ExportPartsDataset(filepath=str(tmp_path), **options)))
        assert in_parts == alone.replace("part1.csv", "part1.parquet")

    def test_nothing_is_written_before(self, cluster, parts, tmp_path):
        folder = tmp_path / "parts"
        shutil.copytree(parts[1], folder)
        tables = [pd.read_csv(file, dtype="str") for file in sorted(folder.iterdir())]
        noted = tables[1].assign(Neighbourhood=tables[0]["PatientId"].iloc[0])
        noted.to_csv(folder / "part1.csv", index=False)
        with pytest.raises(DataError, match="in its column neighbourhood too") as error:
            read_shuffled(folder, tmp_path)
        assert tables[0]["PatientId"].iloc[0] not in str(error.value)
        assert [*tmp_path.iterdir()] == [folder]


def test_a_table_that_is_not_in_parts_is_refused_in_one_sentence():
    with pytest.raises(CrossfoldError, match="run it with --env=cluster"):
        nodes.shuffle_by_patient(pd.DataFrame(), SMALL)


class Killer:
    """Kills the process that it is told about training in, once."""

    def __init__(self, flag: Path, parent: int) -> None:
        self.flag = flag
        self.parent = parent

    def on_train_begin(self, members, data_sets, max_iter):
        pass

    def on_epoch_end(self, event):
        if os.getpid() != self.parent and event.epoch == 2 and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_end(self):
        pass


def fit(**options):
    X, y = make_classification(300, n_features=40, random_state=0)
    return FoldStack(MLPClassifier((6, 4), max_iter=3, random_state=0, **options)).fit(X, y, cv=4)


@pytest.mark.slow
def test_a_stack_is_the_same_though_a_worker_is_killed(cluster, tmp_path):
    flag = tmp_path / "killed"
    with joblib.parallel_config("dask"):
        ours = fit(callbacks=[Killer(flag, os.getpid())])
    assert flag.exists()
    for own, expected in zip(ours.estimators_[0], fit().estimators_[0], strict=True):
        np.testing.assert_array_equal(own.coefs_[0], expected.coefs_[0])
