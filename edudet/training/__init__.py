"""One plain loop that every model shares; checkpoints, curves, several processes, evaluation."""

from edudet.training.evaluate import evaluate
from edudet.training.loop import train
from edudet.training.schedule import rate_at

__all__ = ["evaluate", "rate_at", "train"]
