"""Toy models: one matrix that mixes the colours of every pixel."""
