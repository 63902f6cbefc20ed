"""Speed: our engine and its baselines, measured in one run (docs/measures.md)."""
