"""The report of one audit, and that of all audits together."""
