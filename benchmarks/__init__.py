"""Measurements, as ratios against a named baseline in one run; their results are committed."""
