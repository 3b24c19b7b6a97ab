"""Figures of studies: draw/studies/ladder.py draws what edudet/studies/ladder.py measured."""
