"""The synthetic patients are those of the published files in number and form."""

import pandas as pd
import pytest

from crossfold.datasets import SampleDataset
from crossfold.datasets.bases import DataError
from crossfold.pipelines.gene_expression.nodes import join_patients


def part(name: str, seed: int = 1) -> pd.DataFrame:
    return SampleDataset(of="expression", part=name, n_probes=200, seed=seed).load()


def test_the_parts_belong_together() -> None:
    expression, probes, counts = join_patients(part("train"), part("independent"), part("labels"))
    assert expression.shape == (72, 203)
    assert counts["by_origin"]["train"] == {"ALL": 27, "AML": 11}
    assert counts["by_origin"]["independent"] == {"ALL": 20, "AML": 14}
    assert probes["control"].sum() == 2


def test_equal_seeds_give_equal_patients() -> None:
    pd.testing.assert_frame_equal(part("train"), part("train"))
    assert not part("train").equals(part("train", seed=2))


def test_it_is_never_written() -> None:
    dataset = SampleDataset(of="expression", part="labels", n_probes=200, seed=1)
    with pytest.raises(DataError, match="never written"):
        dataset.save(part("labels"))


def test_it_can_be_previewed() -> None:
    dataset = SampleDataset(of="expression", part="train", n_probes=200, seed=1)
    assert len(dataset.preview(nrows=4)["data"]) == 4
