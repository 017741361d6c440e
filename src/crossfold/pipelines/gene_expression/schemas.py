"""Schemas of the gene expression tables; Kedro checks them on load and save.

What is checked here is a table's frame; what a single cell gets wrong is told by the nodes, which
know its file, probe and patient.
"""

import pandera.pandas as pa

from crossfold.pipelines.gene_expression.nodes import CLASSES, DESCRIPTION, ORIGINS, PROBE

_HAS_ROWS = pa.Check(lambda table: len(table) > 0, error="at least one row")


def _frame(*, strict: bool = False, **columns: pa.Column) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(columns, checks=_HAS_ROWS, strict=strict)


RAW = pa.DataFrameSchema({name: pa.Column("str") for name in (DESCRIPTION, PROBE)}, _HAS_ROWS)
LABELS = _frame(patient=pa.Column("str"), cancer=pa.Column("str"))
PATIENTS = _frame(
    patient=pa.Column("int32", unique=True, description="number in the source files"),
    origin=pa.Column(pa.Category, pa.Check.isin(ORIGINS), description="file of the patient"),
    label=pa.Column(pa.Category, pa.Check.isin(CLASSES), description="kind of leukaemia"),
)
PROBES = _frame(
    probe=pa.Column("str", unique=True, description="accession number on the chip"),
    description=pa.Column("str", description="gene, as the source file names it"),
    control=pa.Column("bool", description="one of the chip's own controls (AFFX)"),
    strict=True,
)
FEATURES = _frame(aml=pa.Column("int8", pa.Check.isin([0, 1]), description="1 for AML, 0 for ALL"))
