"""StreamEdit-DiT's denoiser (preprint 202602.0223): two scales, PTCM, DSA."""
