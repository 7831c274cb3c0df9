"""Feeds of the Regional Greenhouse Gas Initiative."""
