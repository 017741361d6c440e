"""Modelling templates: one for each kind of study, one namespace for each study."""
