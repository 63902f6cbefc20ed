"""The measures of docs/measures.md, run on checkpoints and clips."""
