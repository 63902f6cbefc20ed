"""How well a StreamDiT checkpoint draws the procedural world; docs/measures.md defines every key."""
