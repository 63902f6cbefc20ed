"""Autoencoders that run chunk by chunk on a stream."""
