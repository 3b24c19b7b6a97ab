"""Worked examples of the operators."""
