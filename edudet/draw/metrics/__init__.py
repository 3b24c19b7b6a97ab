"""Figures of metrics: draw/metrics/rle.py draws edudet/metrics/rle.py."""
