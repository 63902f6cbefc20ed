"""Cue lists: sets of live values that follow each other, by hand or by the stream's own time."""
