"""What sites report of themselves."""
