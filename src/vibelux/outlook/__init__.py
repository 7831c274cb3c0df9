"""Pure: what a facility should expect of its markets. No clock, no socket, no database."""
