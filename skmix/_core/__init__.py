"""Pure functions on NumPy arrays: neighbours, pairs, mixing and kernels."""
