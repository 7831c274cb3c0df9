"""Ingest: the only room that opens sockets to upstreams. Feeds say what to ask; here is when, and how to survive it."""
