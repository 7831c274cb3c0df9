"""ERCOT: the keyless document lists, dashboards and pages of its web site, and the public API's replies."""
