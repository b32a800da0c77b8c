"""Every card, modal, list, digest and Home tab in every state, drawn on one page that needs nothing else."""
