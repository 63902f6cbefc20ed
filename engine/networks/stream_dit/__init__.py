"""StreamDiT's denoiser (arXiv 2507.03745, section 3.3)."""
