"""California ISO: OASIS reports, keyless (interface specification 5.1.8)."""
