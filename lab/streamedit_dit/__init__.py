"""StreamEdit-DiT (preprint 202602.0223): training, evaluation, benchmark."""
