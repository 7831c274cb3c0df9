"""Pure: what the plant of a facility should do, and why. No clock, no socket, no database."""
