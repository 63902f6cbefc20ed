"""How well an MLLM-edit checkpoint edits; docs/measures.md defines every key."""
