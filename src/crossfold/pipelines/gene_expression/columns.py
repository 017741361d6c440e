"""Names of columns and classes of the gene expression tables."""

DESCRIPTION, PROBE, LABEL = "Gene Description", "Gene Accession Number", "cancer"
CLASSES = ("ALL", "AML")
ORIGINS = ("train", "independent")
TARGET = "aml"
