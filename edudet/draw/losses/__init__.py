"""Figures of losses: draw/losses/multi_task.py draws edudet/losses/multi_task.py."""
