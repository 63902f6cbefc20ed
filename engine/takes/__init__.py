"""Takes: what was changed while a stream played, frame by frame, so that it renders again."""
