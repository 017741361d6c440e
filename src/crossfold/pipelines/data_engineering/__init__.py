"""Data engineering: one child pipeline for each dataset."""
