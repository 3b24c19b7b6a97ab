"""Worked examples of the losses."""
