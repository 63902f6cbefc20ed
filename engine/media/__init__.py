"""Frame sources and sinks on PyAV: decoding, timing, resizing, encoding, audio.

Everything is lazy: a source holds one decoded frame, a sink the encoder's few frames of delay,
so memory does not grow with the length of a clip.
"""
