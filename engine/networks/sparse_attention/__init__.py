"""Dynamic Sparse Attention (DSA): the equation with its dense reference, and back ends that skip blocks."""
