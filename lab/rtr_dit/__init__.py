"""RTR-DiT (arXiv 2604.13509): training, evaluation, benchmark."""
