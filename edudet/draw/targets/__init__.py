"""Figures of targets: draw/targets/matching.py draws edudet/targets/matching.py."""
