"""Modals: each one's build and parse side by side. Parsing answers with form errors and never raises."""
