"""StreamEdit-DiT (preprint 202602.0223): instructed editing of a stream, through a moving buffer."""
