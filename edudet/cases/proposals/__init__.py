"""Worked examples of proposals."""
