"""Tapes: recorded, rebuilt or synthetic upstream payloads, and the loopback upstream that serves them again."""
