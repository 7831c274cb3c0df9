"""Ingest: the only room that opens sockets to upstreams. What to ask stands in feeds; when to ask, and how to survive, here."""
