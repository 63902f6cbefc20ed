"""Speed (docs/measures.md), each figure with its baseline in the same run."""
