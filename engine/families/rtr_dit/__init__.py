"""RTR-DiT (arXiv 2604.13509) and its relatives: block-autoregressive video transformers with a cache."""
