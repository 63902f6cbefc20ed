"""Schedules, noise and buffers, free of any family."""
