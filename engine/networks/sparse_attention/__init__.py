"""Dynamic Sparse Attention: which blocks of keys a block of queries attends to, decided by their content."""
