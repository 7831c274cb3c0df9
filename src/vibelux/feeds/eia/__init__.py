"""Feeds of the U.S. Energy Information Administration: natural gas at the Henry Hub and in the regions."""
