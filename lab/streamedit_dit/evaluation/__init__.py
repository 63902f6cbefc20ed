"""How well a StreamEdit-DiT checkpoint edits; docs/measures.md defines every key."""
