"""Samplers: schedules, noise, the rollout of blocks, moving buffers; they call a network, whichever it is."""
