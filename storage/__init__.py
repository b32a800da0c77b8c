"""What is remembered: PostgreSQL, and the only SQL of the house."""
