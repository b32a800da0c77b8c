"""Alembic's scripts; each revision's SQL is frozen beside it."""
