"""Prices of voluntary carbon offsets: no registry publishes them, so an operator enters them."""
