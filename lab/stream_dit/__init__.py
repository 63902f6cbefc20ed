"""StreamDiT (arXiv 2507.03745): training, evaluation, benchmark."""
