"""Figures of proposals: draw/proposals/anchors.py draws edudet/proposals/anchors.py."""
