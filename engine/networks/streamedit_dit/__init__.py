"""StreamEdit-DiT's denoiser: a multi-scale transformer with temporal context and sparse attention."""
