"""StreamDiT (arXiv 2507.03745): endless video from text through a moving buffer."""
