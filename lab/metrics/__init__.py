"""What is measured, defined in docs/measures.md."""
