"""The recipes of ``scripts/train.py``: each a DEFAULT loop, its options, and a run that returns a folder."""
