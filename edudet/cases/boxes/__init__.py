"""Worked examples of what is done with boxes."""
