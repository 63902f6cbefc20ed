"""StreamDiT's recipe (arXiv 2507.03745): buffered flow matching, then multistep distillation."""
