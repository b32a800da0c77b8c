"""Cards: pure renderings of rows. Values in, (text, blocks) out; never read back, never the truth."""
