"""Feeds of NYMEX: the futures curve of natural gas."""
