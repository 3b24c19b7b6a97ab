"""Worked examples of the targets."""
