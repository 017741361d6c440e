"""Train a small neural network on a table and believe the figure that comes out."""

__version__ = "0.2.0"
