"""Autoencoders on a stream: pixels to latents and back, chunk by chunk (TAESD, TAEHV, the Wan 2.1 VAE)."""
