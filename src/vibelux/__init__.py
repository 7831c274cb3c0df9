"""Vibelux: the market desk of a greenhouse with its own power plant."""

__version__ = "0.1.0"
