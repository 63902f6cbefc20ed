"""A dry run: the product's own code on a pretended CUDA device, counted and not measured (docs/gpu.md)."""
