"""The recipes behind the demo checkpoints, at any scale."""
