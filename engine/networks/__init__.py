"""Small networks that act on a family's denoiser."""
