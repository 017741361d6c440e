"""Reporting templates: one for each kind of study; what they share lies beside them."""
