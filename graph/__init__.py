"""What may happen (law), what people and agents can do (verbs), what happens next (flow)."""
