"""What asv measures; see `benchmarks.py`."""
