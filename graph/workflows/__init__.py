"""One file per domain: its agent, its actions, its demo cases."""
