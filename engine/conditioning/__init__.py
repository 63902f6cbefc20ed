"""From words and pictures to what a denoiser attends to."""
