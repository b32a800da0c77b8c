"""What happens next: the only rooms that load agents and langgraph."""
