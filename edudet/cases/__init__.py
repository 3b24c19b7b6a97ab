"""Worked examples with their expected results, and the mistakes that they catch."""
