"""Rows per second of each stage over partitions, on workers of 2 GB of this machine.

python benchmarks/cluster.py FILE [--copies 10] [--workers 1] [--learn-from PARTITIONS]

FILE is the published table of appointments. It is grown by copies whose patients are their own, and
cut into parts of one copy each. Processor seconds are those of the workers, so that other programs
at work matter little; seconds are the clock's. The networks learn for one epoch, from all
partitions but the last if not told from how many.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import yaml
from distributed import Client
from pyarrow.csv import write_csv

from crossfold.datasets import ExportPartsDataset, PartsDataset
from crossfold.datasets.samples import PUBLISHED
from crossfold.pipelines.appointments.cleaning import AppointmentsParameters
from crossfold.pipelines.no_show import cluster as nodes
from crossfold.templates.cross_validation.final_model import assemble_model
from crossfold.templates.cross_validation.parameters import (
    DecisionParameters,
    PreparationParameters,
)
from crossfold.templates.parameters import TableParameters

STUDY = yaml.safe_load(Path("conf/base/no_show/parameters.yml").read_text(encoding="utf-8"))
WORKER_MEMORY = "2GB"


def grow(file: str, folder: Path, copies: int) -> int:
    """Write copies of the table, each with patients and appointments of its own; count the rows."""
    table = pd.read_csv(file, dtype="str", keep_default_na=False)
    patients = table["PatientId"].str.removesuffix(".0").str.zfill(15)
    for copy in range(copies):
        own = {"PatientId": patients, "AppointmentID": table["AppointmentID"]}
        grown = table.assign(**{name: ids + f"{copy:04d}" for name, ids in own.items()})
        write_csv(pa.Table.from_pandas(grown), folder / f"part{copy:04d}.csv")
    return copies * len(table)


def usage() -> tuple[float, float]:
    """Return a process's processor seconds and the most memory that it has had, in GB."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6


def main() -> None:
    """Run the stages one after the other, each stored as in a run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--learn-from", type=int)
    given = parser.parse_args()
    rules, table = AppointmentsParameters(), TableParameters(**STUDY["no_show"]["table"])
    preparation = PreparationParameters(**STUDY["no_show"]["preparation"])
    cluster = nodes.ClusterParameters(**{**STUDY["no_show"]["cluster"], "epochs": 1})
    with (
        TemporaryDirectory() as folder,
        Client(
            n_workers=given.workers,
            threads_per_worker=1,
            memory_limit=WORKER_MEMORY,
            dashboard_address=":0",
        ) as client,
    ):
        parts = Path(folder, "parts")
        parts.mkdir()
        n_rows = grow(given.file, parts, given.copies)
        print(f"{n_rows:,} rows, {given.workers} workers of {WORKER_MEMORY}, {os.cpu_count()} CPUs")
        client.run(lambda: __import__("crossfold.pipelines.no_show.cluster"))

        def timed(stage: str, work: Callable[[], Any], n_rows: int = n_rows) -> Any:
            before, began = client.run(usage), time.perf_counter()
            made = work()
            seconds, after = time.perf_counter() - began, client.run(usage)
            busy = sum(after[one][0] - before[one][0] for one in after)
            print(
                f"{stage:9} {seconds:6.1f} s, {n_rows / seconds:9,.0f} rows/s; processor"
                f" {busy:6.1f} s, {busy / n_rows * 1e6:5.1f} us/row; at most"
                f" {max(gigabytes for _, gigabytes in after.values()):.2f} GB a worker,"
                f" {usage()[1]:.2f} GB here",
                flush=True,
            )
            return made

        def stored(name: str, table: Any) -> Any:
            dataset = PartsDataset(filepath=f"{folder}/{name}.parquet")
            dataset.save(table)
            return dataset.load()

        raw = ExportPartsDataset(
            filepath=str(parts),
            columns=PUBLISHED,
            hashed_columns=["patient"],
            credentials={"key": "benchmark"},
        )
        rows = timed("compare", raw.load)
        shuffled = timed(
            "shuffle", lambda: stored("shuffled", nodes.shuffle_by_patient(rows, cluster))
        )
        cleaned = timed("clean", lambda: stored("cleaned", nodes.clean_partitions(shuffled, rules)))
        print(nodes.count_rows(shuffled, cleaned))
        features = timed(
            "features", lambda: stored("features", nodes.build_partition_features(cleaned, rules))
        )
        some = features.partitions[: given.learn_from and given.learn_from + 1]
        trained = timed(
            "epoch",
            lambda: nodes.train_over_partitions(some, table, preparation, cluster, seed=1),
            len(some),
        )
        model = assemble_model(*trained, features, DecisionParameters(), table)
        scored = timed("score", lambda: stored("scored", nodes.score_partitions(model, features)))
        print(f"{len(scored):,} rows scored")


if __name__ == "__main__":
    main()
