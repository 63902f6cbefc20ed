"""What docs/measures.md asks of an RTR-DiT checkpoint, against the teacher through the autoencoder."""
