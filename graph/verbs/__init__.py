"""One file per verb that a door can call."""
