"""Feeds of the California Air Resources Board."""
